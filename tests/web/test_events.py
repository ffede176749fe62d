"""`POST /api/v1/events` over real HTTP: who may, what is answered, and that nothing answered is lost."""

import base64
import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from care.base.database import read, write
from care.customers.tickets.tables import ticket_resolution
from care.inbound.events.keys import KeyKind, KeyRing, create_key, revoke_key
from care.inbound.events.signing import sign, signer_of
from care.inbound.events.tables import api_key, event, idempotent_answer
from tests.factories import make_customer
from tests.inbound.events.factories_events import at, make_event, resolved
from tests.web.conftest import Site

PATH = "/api/v1/events"


def make_key(site: Site, kind: KeyKind = KeyKind.BEARER, scopes: tuple[str, ...] = ("events",)) -> tuple[str, str]:
    """Return a new key's id, and the key as its holder has it."""
    with write(site.services.engine) as conn:
        key_id = create_key(conn, kind=kind, name="tickets", scopes=scopes, now=site.services.clock.now())
    return key_id, KeyRing(site.services.keys.secret).shown(kind, key_id)


@pytest.fixture
def post(site: Site) -> Callable[..., httpx.Response]:
    """Post as the ticket system does, with a good key; C1 is a customer."""
    _, key = make_key(site)
    with write(site.services.engine) as conn:
        make_customer(conn, external_id="C1")

    def send(body: object, **headers: str) -> httpx.Response:
        given = {"authorization": f"Bearer {key}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        content = body if isinstance(body, (bytes, str)) else json.dumps(body)
        return site.client.post(PATH, content=content, headers=given)

    return send


def stored(site: Site) -> list[str]:
    with read(site.services.engine) as conn:
        return list(conn.execute(sa.select(event.c.external_id).order_by(event.c.id)).scalars())


class TestAnEvent:
    def test_is_stored_answered_and_worked_on(self, site, post) -> None:
        """202, and moments later the resolution is there."""
        answer = post(resolved(1, event_id="x"))
        assert (answer.status_code, answer.json()) == (202, {"id": "x", "status": "stored"})
        site.wait(lambda: site.rows(ticket_resolution))
        (row,) = site.rows(event)
        assert (row.state, row.at, row.customer, row.subject) == ("done", at(1), "C1", "T-1")

    def test_again_changes_nothing(self, site, post) -> None:
        """200 for the same words, however the moment is written; 409 for other words under the same id."""
        said = resolved(1, event_id="x", staff="A")
        post(said)
        site.wait(lambda: site.rows(ticket_resolution))
        again = {**said, "at": "2026-09-20T09:00:00+08:00"}
        assert (post(again).status_code, post(again).json()["status"]) == (200, "known")
        other = post({**said, "data": {**said["data"], "staff": "B"}})
        assert other.status_code == 409
        assert other.headers["content-type"] == "application/problem+json"
        assert other.json()["type"] == "urn:care:problem:id-taken"
        assert len(site.rows(event)) == 1

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (
                {"type": "payment.received"},
                "type: is none of: ticket.opened, ticket.resolved, ticket.reopened, install",
            ),
            ({"type": None}, "type: is none of"),
            ({"id": ""}, "id: is missing"),
            ({"id": "x" * 121}, "id: is longer than 120 characters"),
            ({"at": None}, "at: is missing"),
            ({"at": "yesterday"}, "at: is no time"),
            ({"at": "2027-01-01T00:00:00Z"}, "at: lies in the future"),
            ({"data": []}, "data: is no JSON object"),
            ({"data": {}}, "data.ticket: is missing"),
            ({"data": {"ticket": "T" * 57}}, "data.ticket: is longer than 56 characters"),
            ({"data": {"ticket": "T", "tags": ["a"]}}, "data: holds a list or an object"),
            ({"data": {"ticket": "T", "test": "perhaps"}}, "data.test: is neither true nor false"),
            ({"data": {"ticket": "T", "opened_at": "noon"}}, "data.opened_at: is no time"),
            ({"data": {"ticket": "T", "staff": "\ud800"}}, "data.staff: holds half of a character"),
            ({"data": {"ticket": "T", "staff": "a\u0000b"}}, "data.staff: holds a control character"),
            ({"customer": "C" * 65}, "customer: is longer than 64 characters"),
            ({"type": "ticket.opened", "customer": None}, "customer: is missing"),
        ],
    )
    def test_that_cannot_be_used_says_why(self, site, post, change, words) -> None:
        """422 with a problem that names the place; nothing is stored."""
        answer = post({**resolved(1), **change})
        assert (answer.status_code, answer.json()["status"]) == (422, 422)
        assert answer.json()["detail"].startswith(words)
        assert stored(site) == []

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            *((body, 400) for body in (b"", b"{", b"\xff\xfe", b"5", b"[]", b"[" * 50_000, b'{"id": NaN}')),
            *((body, 413) for body in (b" " * (1024 * 1024 + 1), json.dumps([1] * 1_001).encode())),
        ],
    )
    def test_needs_a_body_of_json(self, site, post, body, status) -> None:
        """Garbled, nested, too large: a problem, and the process lives."""
        answer = post(body)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert post(resolved(1)).status_code == 202

    @pytest.mark.parametrize(
        ("text", "name"),
        [('{"id":"e6","id":"e7",', "id"), ('{"customer":"C2",', "customer"), ("{", "data.staff")],
    )
    def test_that_says_a_name_twice_is_refused(self, site, post, text, name) -> None:
        """Which of the two is meant nobody knows; of a list only that event is left out."""
        said = resolved(1, event_id="e8", staff="A")
        body = json.dumps(said).replace("{", text, 1)
        body = body.replace('"staff"', '"staff": "B", "staff"') if name == "data.staff" else body
        assert (post(body).status_code, post(body).json()["detail"]) == (422, f"{name}: stands twice")
        assert stored(site) == []
        assert post(f"[{body}, {json.dumps(resolved(2, event_id='e9'))}]").status_code == 207
        assert stored(site) == ["e9"]

    def test_may_say_numbers(self, site, post) -> None:
        """Ids and words that other systems keep as numbers."""
        assert post({**resolved(1), "id": 17, "data": {"ticket": 881, "severity": 2}}).status_code == 202
        site.wait(lambda: site.rows(ticket_resolution))
        assert (site.rows(ticket_resolution)[0].external_id, site.rows(ticket_resolution)[0].severity) == (
            "881:r1",
            "2",
        )


class TestAList:
    def test_may_be_as_long_as_its_limit(self, site, post) -> None:
        """A storm told at once: a thousand events, each as short as can be, are more than 64 KiB."""
        least = {"type": "ticket.opened", "customer": "C1", "at": "2026-09-20T01:00:00Z"}
        storm = [{**least, "id": f"e{n}", "data": {"ticket": f"T{n}"}} for n in range(1_000)]
        answer = post(storm)
        assert (answer.status_code, answer.json()["stored"]) == (202, 1_000)

    def test_loses_nothing(self, site, post) -> None:
        """The good ones are stored, each bad one has its problem with its place."""
        post(resolved(0, event_id="old"))
        answer = post(
            [resolved(1, event_id="a"), {"id": "b"}, resolved(9, event_id="old"), 7, resolved(2, event_id="c")]
        )
        body = answer.json()
        assert (answer.status_code, body["stored"], body["known"]) == (207, 2, 0)
        assert [(one["index"], one["id"], one["status"]) for one in body["problems"]] == [
            (1, "b", 422),
            (2, "old", 409),
            (3, None, 422),
        ]
        assert stored(site) == ["old", "a", "c"]

    def test_of_known_ones_is_200_and_of_bad_ones_422(self, site, post) -> None:
        """So that a sender sees from the status alone whether to look."""
        both = [resolved(1, event_id="a"), resolved(2, event_id="b")]
        assert [post(both).status_code, post(both).status_code] == [202, 200]
        refused = post([{"id": "x"}, {}])
        assert (refused.status_code, len(refused.json()["problems"])) == (422, 2)

    def test_with_one_id_twice(self, site, post) -> None:
        """The same words are a repeat, other words a conflict, as if they had come one by one."""
        said = resolved(1, event_id="a")
        body = post([said, said, resolved(2, event_id="a")]).json()
        assert (body["stored"], body["known"], [one["status"] for one in body["problems"]]) == (1, 1, [409])


class TestAKey:
    def test_must_be_good(self, site, post) -> None:
        """None, wrong, another's id, revoked: 401 alike; without the scope 403."""
        key_id, key = make_key(site)
        other_id, _ = make_key(site)
        wrong = ["", "Bearer", "Basic x", f"Bearer {key[:-1]}", f"Bearer {key.replace(key_id, other_id)}", "Bearer é"]
        answers = [post(resolved(1), authorization=text.encode("latin-1")) for text in wrong]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.text for answer in answers}) == 1
        assert answers[0].headers["www-authenticate"] == "Bearer"
        assert post(resolved(1), authorization=f"bearer {key}").status_code == 202
        with write(site.services.engine) as conn:
            assert revoke_key(conn, key_id, site.services.clock.now())
        assert post(resolved(2), authorization=f"Bearer {key}").status_code == 401
        _, lacks = make_key(site, scopes=("reports",))
        assert post(resolved(2), authorization=f"Bearer {lacks}").status_code == 403

    def test_that_signs_is_no_bearer(self, site, post) -> None:
        """Each kind proves itself in its own way only."""
        key_id, _ = make_key(site, KeyKind.WEBHOOK)
        bearer = KeyRing(site.services.keys.secret).bearer(key_id)
        assert post(resolved(1), authorization=f"Bearer {bearer}").status_code == 401

    def test_is_nowhere_in_the_database(self, site, post) -> None:
        """Only its id; its last use is noted."""
        key_id, key = make_key(site)
        post(resolved(1), authorization=f"Bearer {key}")
        with read(site.services.engine) as conn:
            rows = [dict(row) for row in conn.execute(sa.select(api_key)).mappings()]
        assert key.rpartition("_")[2] not in str(rows)
        assert next(row for row in rows if row["key_id"] == key_id)["last_used_at"] == site.services.clock.now()


class TestASignature:
    def send(self, site: Site, secret: bytes, body: bytes, *, age: int = 0, **headers: str) -> httpx.Response:
        stamp = int(site.services.clock.now().timestamp()) - age
        signed = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(secret, "msg_1", stamp, body),
        }
        return site.client.post(PATH, content=body, headers={**signed, **headers})

    def test_is_that_of_the_standard(self) -> None:
        """The example of the specification."""
        secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        body = b'{"test": 2432232314}'
        assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected
        headers = {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": f"v1a,xx v1,bm90aGluZw== {expected}",
        }
        now = datetime.fromtimestamp(1614265400, tz=at(0).tzinfo)
        assert signer_of(headers, body, [("a", b"x"), ("b", secret)], now) == "b"
        assert signer_of(headers, body + b" ", [("b", secret)], now) is None

    def test_opens_the_door_with_either_of_two_keys(self, site) -> None:
        """While keys change, both are good; the revoked one no more."""
        (old_id, old), (_, new) = make_key(site, KeyKind.WEBHOOK), make_key(site, KeyKind.WEBHOOK)
        secrets = [base64.b64decode(key.removeprefix("whsec_")) for key in (old, new)]
        bodies = [json.dumps(resolved(n)).encode() for n in range(3)]
        assert [self.send(site, s, b).status_code for s, b in zip(secrets, bodies, strict=False)] == [202, 202]
        with write(site.services.engine) as conn:
            revoke_key(conn, old_id, site.services.clock.now())
        assert [self.send(site, secret, bodies[2]).status_code for secret in secrets] == [401, 202]

    def test_must_be_fresh_and_of_these_bytes(self, site) -> None:
        """Five minutes either way; another body, id or nonsense is refused."""
        _, key = make_key(site, KeyKind.WEBHOOK)
        secret = base64.b64decode(key.removeprefix("whsec_"))
        body = json.dumps(resolved(1)).encode()
        assert [self.send(site, secret, body, age=age).status_code for age in (301, -301, 300)] == [401, 401, 202]
        for headers in (
            {"webhook-id": "msg_2"},
            {"webhook-signature": "v1,"},
            {"webhook-timestamp": "now"},
            {"webhook-timestamp": "9" * 400},
        ):
            assert self.send(site, secret, body, **headers).status_code == 401
        assert self.send(site, b"another", body).status_code == 401

    def test_names_an_event_that_has_no_id(self, site) -> None:
        """The webhook's own id is one."""
        _, key = make_key(site, KeyKind.WEBHOOK)
        said = {name: value for name, value in resolved(1).items() if name != "id"}
        answer = self.send(site, base64.b64decode(key.removeprefix("whsec_")), json.dumps(said).encode())
        assert answer.json() == {"id": "msg_1", "status": "stored"}


class TestAnIdempotencyKey:
    def test_hears_the_same_again(self, site, post) -> None:
        """Also a problem; another request under it is refused; it is the key holder's own."""
        first = post([resolved(1, event_id="a"), {}], idempotency_key="k")
        again = post([resolved(1, event_id="a"), {}], idempotency_key="k").json()
        assert first.status_code == 207
        assert again["problems"] == first.json()["problems"]
        assert again["stored"] == 1
        assert post(resolved(2), idempotency_key="k").status_code == 422
        _, other = make_key(site)
        assert post(resolved(2), idempotency_key="k", authorization=f"Bearer {other}").status_code == 202
        assert post(resolved(3), idempotency_key="k" * 121).status_code == 400

    def test_is_forgotten_after_a_week(self, site, post, clock) -> None:
        """The periodic look drops it."""
        from care.schedule import watch

        post(resolved(1), idempotency_key="k")
        with read(site.services.engine) as conn:
            assert len(conn.execute(sa.select(idempotent_answer)).all()) == 1
        clock.advance(timedelta(days=8))
        watch(site.services, clock.now(), None)
        with read(site.services.engine) as conn:
            assert conn.execute(sa.select(idempotent_answer)).all() == []


class TestManyAtOnce:
    def test_all_get_their_own_answer(self, site, post) -> None:
        """Twelve senders tell the same and different things: one 202 for each event, everything is there."""
        shared = [resolved(n, event_id=f"s{n}", ticket=f"S-{n}") for n in range(10)]
        statuses: list[list[int]] = [[] for _ in range(12)]

        def send(number: int) -> None:
            own = [make_event("ticket.resolved", 1, event_id=f"{number}-{n}", ticket=f"{number}-{n}") for n in range(5)]
            statuses[number] = [post(one).status_code for one in (*shared, *own)]

        senders = [threading.Thread(target=send, args=(number,)) for number in range(12)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        firsts = [sum(mine[n] == 202 for mine in statuses) for n in range(10)]
        assert firsts == [1] * 10
        assert {status for mine in statuses for status in mine[:10]} == {200, 202}
        assert {status for mine in statuses for status in mine[10:]} == {202}
        assert len(stored(site)) == 10 + 60


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


class TestWhateverComes:
    def test_is_answered(self, sqlite_site) -> None:
        """No JSON makes an error of ours: always an answer below 500."""
        _, key = make_key(sqlite_site)
        names = st.sampled_from(["id", "type", "customer", "at", "data", "ticket"])
        likely = st.dictionaries(names, anything | st.sampled_from(["ticket.resolved", at(0).isoformat()]), max_size=6)

        @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(likely | anything | st.lists(likely, min_size=1, max_size=3))
        def check(body: object) -> None:
            headers = {"authorization": f"Bearer {key}"}
            answer = sqlite_site.client.post(PATH, content=json.dumps(body), headers=headers)
            assert answer.status_code < 500, body
            assert isinstance(answer.json(), dict)

        check()


class TestTheDocument:
    def test_describes_what_is_there(self, sqlite_site) -> None:
        """OpenAPI with the path, its types and its answers; no other page of it."""
        page = sqlite_site.client.get("/api/docs").json()
        operation = page["paths"][PATH]["post"]
        assert set(operation["responses"]) >= {"200", "202", "207", "401", "403", "409", "413", "422"}
        assert "ticket.resolved" in json.dumps(operation)
        assert list(page["paths"]) == [PATH]
        named = {one["name"] for one in operation["parameters"]}
        assert named == {"Idempotency-Key", "webhook-id", "webhook-timestamp", "webhook-signature"}
        assert page["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
        assert [name for one in operation["security"] for name in one] == ["key", "signature"]

    @pytest.mark.parametrize(("method", "path", "status"), [("GET", PATH, 405), ("POST", "/api/v1/others", 404)])
    def test_of_a_problem_is_all_that_api_answers(self, sqlite_site, method, path, status) -> None:
        """A path or a method that is not there is a problem like any other; other pages stay as they are."""
        answer = sqlite_site.client.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert (answer.json()["status"], answer.json()["detail"]) == (status, f"events are posted to {PATH}")
        assert answer.headers.get("allow") == ("POST" if status == 405 else None)
        assert sqlite_site.client.get("/nowhere").headers["content-type"] == "application/json"


class TestMetrics:
    def test_count_what_waits(self, site, post) -> None:
        """An event whose customer nobody knows is seen by whoever watches."""
        post(resolved(1, customer="C9"))
        site.wait(lambda: site.rows(event)[0].state == "waiting")
        assert 'care_events_open{state="waiting"} 1.0' in site.client.get("/metrics").text
