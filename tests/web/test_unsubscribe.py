"""The page behind an unsubscribe link, as mail programs, link scanners and people use it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import read, write
from care.customers.consents import consents_now
from care.customers.tables import consent, suppression
from care.delivery.links import UnsubscribeClaim
from tests.factories import address_hash, make_customer, make_suppression
from tests.web.conftest import Site

MAIL = "wang@example.com"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def link(site: Site, *, purpose: str = "greeting", locale: str = "en", **fields: object) -> str:
    """The path that a mail of this purpose carries."""
    with write(site.services.engine) as conn:
        customer_id = make_customer(conn, email=MAIL, locale=locale, consents=("greeting", "offer", "survey"), **fields)
    claim = UnsubscribeClaim(
        customer_id=customer_id, channel="email", address_hash=address_hash("email", MAIL), purpose=purpose
    )
    return f"/u/{site.services.links.token(claim)}"


def standing(site: Site) -> list[tuple[str, str, str]]:
    return [(r.channel, r.scope, r.reason) for r in site.rows(suppression) if r.lifted_at is None]


def refused(site: Site, customer_id: int = 1) -> set[tuple[str, str]]:
    with read(site.services.engine) as conn:
        return {(row.purpose, row.channel) for row in consents_now(conn, customer_id) if not row.given}


class TestLooking:
    def test_never_changes_anything(self, site: Site) -> None:
        """Scanners fetch every link of a mail, several times, with GET and HEAD."""
        path = link(site)
        for _ in range(10):
            assert site.client.get(path).status_code == 200
            assert site.client.head(path).status_code == 200
            assert site.client.get(path, params={"choice": "all", **ONE_CLICK}).status_code == 200

        assert standing(site) == []
        assert len(site.rows(consent)) == 6

    @pytest.mark.parametrize(
        ("locale", "words"),
        [("en", "No more greetings"), ("zh-CN", "不再接收祝福与优惠"), ("zh-HK", "不再接收祝福與優惠")],
    )
    def test_shows_the_customers_language(self, site: Site, locale: str, words: str) -> None:
        """The customer's own choice goes before the browser's."""
        answer = site.client.get(link(site, locale=locale), headers={"Accept-Language": "fr"})
        assert words in answer.text

    def test_shows_no_person(self, site: Site) -> None:
        """Neither page nor address tells who it is."""
        path = link(site)
        page = site.client.get(path)
        for secret in (MAIL, "王小明", "王女士", "13800", "C1"):
            assert secret not in page.text
        assert "@" not in path


class TestOneClick:
    @pytest.mark.parametrize("encoding", ["urlencoded", "multipart"])
    def test_unsubscribes_at_once(self, site: Site, encoding: str) -> None:
        """RFC 8058: a POST without cookies is enough, and is answered without a redirect."""
        path = link(site)
        if encoding == "multipart":
            answer = site.client.post(path, files={"List-Unsubscribe": (None, "One-Click")})
        else:
            answer = site.client.post(path, data=ONE_CLICK)

        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert standing(site) == [("email", "marketing", "opt_out")]
        assert refused(site) == {("greeting", "email"), ("offer", "email")}

    def test_ends_only_the_kind_it_was_made_on(self, site: Site) -> None:
        """Whoever is tired of surveys still gets greetings."""
        site.client.post(link(site, purpose="survey"), data=ONE_CLICK)

        assert standing(site) == [("email", "survey", "opt_out")]
        assert refused(site) == {("survey", "email")}

    def test_twice_is_once(self, site: Site) -> None:
        """Mail programs may repeat the request."""
        path = link(site)
        for _ in range(3):
            site.client.post(path, data=ONE_CLICK)
        assert len(site.rows(suppression)) == 1

    def test_keeps_the_evidence(self, site: Site) -> None:
        """The consent row names source and wording."""
        site.client.post(link(site), data=ONE_CLICK)
        words = [r for r in site.rows(consent) if not r.given]
        assert {(r.source, r.wording) for r in words} == {("web", "List-Unsubscribe=One-Click")}

    def test_holds_for_those_who_were_erased(self, site: Site) -> None:
        """The link of an old mail still works when the customer is gone."""
        path = link(site)
        with write(site.services.engine) as conn:
            conn.execute(sa.text("DELETE FROM consent_now"))
            conn.execute(sa.text("DELETE FROM consent"))
            conn.execute(sa.text("DELETE FROM contact_point"))
            conn.execute(sa.text("DELETE FROM customer"))
        assert site.client.post(path, data=ONE_CLICK).status_code == 200
        assert standing(site) == [("email", "marketing", "opt_out")]


class TestChoices:
    @pytest.mark.parametrize(
        ("choice", "scope", "purposes"),
        [
            ("marketing", "marketing", {"greeting", "offer"}),
            ("survey", "survey", {"survey"}),
            ("all", "all", {"greeting", "offer", "survey"}),
        ],
    )
    def test_silence_what_they_say(self, site: Site, choice: str, scope: str, purposes: set[str]) -> None:
        """Each choice has its scope; the SMS of the same customer go on."""
        answer = site.client.post(link(site), data={"choice": choice})

        assert answer.status_code == 200
        assert standing(site) == [("email", scope, "opt_out")]
        assert refused(site) == {(purpose, "email") for purpose in purposes}

    def test_bring_back_what_was_refused_and_nothing_else(self, site: Site) -> None:
        """Receiving again ends opt-outs; a dead mailbox stays dead."""
        path = link(site)
        with write(site.services.engine) as conn:
            make_suppression(conn, channel="email", address=MAIL, reason="hard_bounce")
        site.client.post(path, data={"choice": "all"})
        site.services.clock.advance(timedelta(minutes=1))
        site.client.post(path, data={"choice": "resume"})

        assert standing(site) == [("email", "all", "hard_bounce")]
        assert refused(site) == set()

    @pytest.mark.parametrize("form", [{}, {"choice": ""}, {"choice": "everything"}, {"choice": "<script>"}])
    def test_that_do_not_exist_change_nothing(self, site: Site, form: dict[str, str]) -> None:
        """The page is shown again."""
        answer = site.client.post(link(site), data=form)
        assert answer.status_code == 400
        assert "<script>" not in answer.text
        assert standing(site) == []


class TestLinksThatLeadNowhere:
    @pytest.mark.parametrize("token", ["x", "A" * 300, "%00", "WzEsImVtYWlsIl0.sig", "a" * 5_000])
    def test_look_like_any_other(self, site: Site, token: str) -> None:
        """Same page, same answer to a choice: nobody learns which links are real."""
        real = link(site)
        asked = {"Accept-Language": "en"}
        for send in (
            lambda path: site.client.get(path, headers=asked),
            lambda path: site.client.post(path, data={"choice": "survey"}, headers=asked),
            lambda path: site.client.post(path, data=ONE_CLICK, headers=asked),
        ):
            forged, known = send(f"/u/{token}"), send(real)
            assert (forged.status_code, forged.text) == (known.status_code, known.text)
        assert len(standing(site)) == 2

    def test_cannot_be_guessed(self, open_site: Callable[..., Site]) -> None:
        """A link signed with another key is nobody's."""
        site = open_site()
        other = open_site(security={"secret_key": "o" * 40})
        site.client.post(link(other), data=ONE_CLICK)
        assert standing(site) == []


class TestEveryPublicAnswer:
    def test_is_careful(self, site: Site) -> None:
        """No referrer, no index, no store, no script, no frame."""
        answers = [site.client.get(link(site)), site.client.get("/u/x"), site.client.post("/u/x", data=ONE_CLICK)]
        answers += [site.client.get("/nothing-here"), site.client.post("/webhooks/twilio/inbound")]
        for answer in answers:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "noindex" in answer.headers["X-Robots-Tag"]
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "server" not in answer.headers
            assert not any(word in answer.text for word in ("<script", " style=", " onclick"))

    def test_is_rationed(self, site: Site) -> None:
        """One visitor who hammers the page is slowed down; webhooks and health are not theirs to slow."""
        codes = [site.client.get("/u/x").status_code for _ in range(60)]

        assert codes.count(429) >= 20
        limited = site.client.get("/u/x")
        assert limited.headers["Retry-After"]
        assert site.client.get("/healthz").status_code == 200

    def test_has_a_style_sheet_of_its_own(self, site: Site) -> None:
        """Nothing is fetched from elsewhere."""
        page = site.client.get("/u/x").text
        sheets = [part.split('"')[0] for part in page.split('href="')[1:]]
        assert sheets == ["/static/page.css"]
        sheet = site.client.get(sheets[0])
        assert sheet.headers["content-type"].startswith("text/css")
        assert "max-age" in sheet.headers["Cache-Control"]
        assert site.client.get("/static/../app.py").status_code == 404
        assert site.client.get("/static/%2e%2e/app.py").status_code == 404


def test_methods_that_no_door_knows_are_refused(site: Site) -> None:
    """405 for the wrong verb, whatever the path."""
    assert [site.client.request(verb, "/u/x").status_code for verb in ("PUT", "DELETE", "PATCH")] == [405] * 3
    assert site.client.get("/webhooks/twilio/inbound").status_code == 405
