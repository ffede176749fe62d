"""The survey page over HTTP: what it asks, what an answer does, and what nobody learns from it."""

import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from care.base.database import write
from care.customers.tables import customer, suppression
from care.messages.tables import message
from care.surveys.tables import follow_up, survey_answer, survey_case, survey_session
from tests.factories import address_hash
from tests.web.conftest import Site
from tests.web.survey_link import ASKED_IN_ENGLISH, answers, cases, count, invite, one

FINE = {"overall": "4", "result": "5", "timeliness": "3", "attitude": "5", "comment": "Quick, thanks."}


class TestLooking:
    def test_never_votes(self, site: Site) -> None:
        """Scanners fetch every link of a mail, score links included."""
        path = invite(site)
        for score in ("", "1", "5", "9", "abc", "5' --"):
            assert site.client.get(path, params={"score": score, "step": "answer", "overall": "5"}).status_code == 200
            assert site.client.head(path, params={"score": score}).status_code == 200

        assert [count(site, table) for table in (survey_answer, survey_session, survey_case)] == [0, 0, 0]

    @pytest.mark.parametrize(
        ("score", "chosen"), [("4", ["4"]), ("1", ["1"]), ("0", []), ("6", []), ("x", []), ("", [])]
    )
    def test_chooses_the_score_of_the_link(self, site: Site, score: str, chosen: list[str]) -> None:
        """And no point that the scale has not."""
        page = site.client.get(invite(site), params={"score": score}).text
        assert re.findall(r'name="overall" value="(\d+)" checked', page) == chosen
        assert page.count(" checked") == len(chosen)

    @pytest.mark.parametrize(
        ("locale", "words", "lang"),
        [
            ("en", "Overall, how satisfied", "en"),
            ("zh-CN", "您对这次服务总体满意吗", "zh-Hans-CN"),
            ("zh-HK", "您對本次服務整體滿意嗎", "zh-Hant-TW"),
        ],
    )
    def test_speaks_the_customers_language(self, site: Site, locale: str, words: str, lang: str) -> None:
        """The customer's own choice goes before the browser's."""
        page = site.client.get(invite(site, locale=locale), headers={"Accept-Language": "fr"}).text
        assert words in page
        assert f'<html lang="{lang}">' in page

    def test_shows_no_person(self, site: Site) -> None:
        """The ticket is named, its customer is not."""
        page = site.client.get(invite(site)).text
        assert "(ref T-" in page
        for secret in ("王小明", "王女士", "13800", "No signal", "LiWei"):
            assert secret not in page

    @pytest.mark.parametrize(
        ("campaign", "asked"),
        [
            ("survey_invite", ["overall", "result", "timeliness", "attitude"]),
            ("survey_nps", ["recommend"]),
            ("survey_ces", ["effort"]),
            ("complaint_in_process", ["overall"]),
        ],
    )
    def test_asks_what_the_survey_is_about(self, site: Site, campaign: str, asked: list[str]) -> None:
        """Four dimensions with the overall one first, or the one question of its kind."""
        page = site.client.get(invite(site, campaign_id=campaign, locale="en")).text
        assert list(dict.fromkeys(re.findall(r'name="(\w+)" value="\d', page))) == asked
        assert 'name="comment"' in page

    def test_is_small(self, site: Site) -> None:
        """Page and style sheets in all languages, in all below 50 kB."""
        for locale in ("en", "zh-CN", "zh-TW"):
            page = site.client.get(invite(site, locale=locale, phone=f"+8613800{len(locale)}01{ord(locale[-1])}"))
            sheets = re.findall(r'href="(/static/[^"]+)"', page.text)
            assert len(sheets) == 2
            whole = len(page.content) + sum(len(site.client.get(sheet).content) for sheet in sheets)
            assert whole < 50_000
            assert not re.search(r"<script|<img|https?://|style=|\bon\w+=", page.text)


class TestAnswering:
    def test_writes_everything_down(self, site: Site) -> None:
        """Answers, session and follow-up; whoever is content opens no case."""
        answer = site.client.post(invite(site), data={**FINE, "step": "answer"})

        assert answer.status_code == 200
        assert "Thank you" in answer.text
        assert answers(site) == {**{k: int(v) for k, v in FINE.items() if v.isdigit()}, "comment": "Quick, thanks."}
        session = one(site, survey_session)
        assert (session.survey, session.stage, session.scale, session.locale) == ("ticket", "done", "csat5", "en")
        assert session.address_hash == address_hash("sms", "+8613800009999")
        assert one(site, follow_up).state == "answered"
        kept = site.rows(survey_answer)
        assert {(r.channel, r.source, r.is_late, r.session_id) for r in kept} == {("web", "web:1", False, session.id)}
        assert cases(site) == []

    @pytest.mark.parametrize(("locale", "words"), [("en", "That did not arrive"), ("zh-CN", "没有收到您的回答")])
    def test_too_long_shows_a_page(self, site: Site, locale: str, words: str) -> None:
        """In the customer's language, with nothing stored; the link is still good."""
        path = invite(site, locale=locale)
        answer = site.client.post(path, data={**FINE, "comment": "x" * 70_000})
        assert (answer.status_code, answer.headers["content-type"]) == (413, "text/html; charset=utf-8")
        assert words in answer.text
        assert answers(site) == {}
        assert site.client.get(path).status_code == 200

    def test_needs_only_the_first_question(self, site: Site) -> None:
        """One digit is a valid answer."""
        site.client.post(invite(site), data={"overall": "3"})
        assert answers(site) == {"overall": 3}

    @pytest.mark.parametrize(
        ("campaign", "given", "kept"),
        [
            ("survey_nps", {"recommend": "10"}, {"recommend": 10}),
            ("survey_nps", {"recommend": "0"}, {"recommend": 0}),
            ("survey_ces", {"effort": "7", "comment": " ok \r\n"}, {"effort": 7, "comment": "ok"}),
        ],
    )
    def test_of_other_surveys(self, site: Site, campaign: str, given: dict[str, str], kept: dict[str, object]) -> None:
        """Each on its own scale."""
        site.client.post(invite(site, campaign_id=campaign), data=given)
        assert answers(site) == kept
        assert one(site, survey_session).survey == campaign.removeprefix("survey_")

    @pytest.mark.parametrize("form", [{}, {"overall": ""}, {"overall": "6"}, {"overall": "０"}, {"result": "5"}])
    def test_without_the_first_question_asks_again(self, site: Site, form: dict[str, str]) -> None:
        """What was chosen and written stays, and nothing is stored."""
        answer = site.client.post(invite(site), data={**form, "comment": "half a <thought>"})

        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
        assert "half a &lt;thought&gt;" in answer.text
        assert (' name="result" value="5" checked' in answer.text) == ("result" in form)
        assert answers(site) == {}

    def test_keeps_words_as_they_are_without_what_moves_letters(self, site: Site) -> None:
        """Lines stay; NUL, escapes and direction marks go, and what is too long is cut."""
        site.client.post(invite(site), data={"overall": "5", "comment": "a\x00b\x1b[2J\u202ec\r\nd" + "长" * 3_000})
        said = answers(site)["comment"]
        assert said.startswith("ab[2Jc\nd长")
        assert len(said) == 1_000

    def test_after_a_week_is_late_and_after_two_is_none(self, site: Site) -> None:
        """Late answers are marked; much later there is nothing to answer."""
        path, other = invite(site), invite(site, phone="+8613800007777")
        site.services.clock.advance(timedelta(days=7, minutes=1))
        assert site.client.post(path, data={"overall": "5"}).status_code == 200
        site.services.clock.advance(timedelta(days=7))
        assert site.client.post(other, data={"overall": "5"}).status_code == 404

        assert [row.is_late for row in site.rows(survey_answer)] == [True]

    def test_ends_what_was_asked_by_text_message(self, site: Site) -> None:
        """The open question of an earlier session is asked no more."""
        path = invite(site)
        with write(site.services.engine) as conn:
            asked = one(site, message)
            conn.execute(sa.insert(survey_session).values(**open_session(asked, site)))
        site.client.post(path, data={"overall": "5"})
        session = one(site, survey_session)
        assert (session.stage, session.question, session.ended_at) == ("done", None, site.services.clock.now())


def open_session(asked: sa.Row, site: Site) -> dict[str, object]:
    now = site.services.clock.now()
    times = {"opened_at": now, "asked_at": now, "expires_at": now + timedelta(days=7)}
    return {
        **times,
        "late_until": now + timedelta(days=14),
        "survey": "ticket",
        "campaign_id": asked.campaign_id,
        "message_id": asked.id,
        "follow_up_id": 1,
        "customer_id": asked.customer_id,
        "channel": "sms",
        "address_hash": address_hash("sms", "+8613800009999"),
        "locale": "en",
        "scale": "csat5",
        "stage": "invited",
        "question": "overall",
    }


class TestOnce:
    def test_the_first_answer_stands(self, site: Site) -> None:
        """A second one finds the page closed."""
        path = invite(site)
        site.client.post(path, data={"overall": "5"})
        again = site.client.post(path, data={"overall": "1"})

        assert again.status_code == 404
        assert answers(site) == {"overall": 5}
        assert site.client.get(path).text == again.text

    def test_many_at_once_are_one(self, site: Site) -> None:
        """Fifty hands on one button, from two places, as one alone would be slowed down."""
        path = invite(site)
        doors = [httpx.HTTPTransport(local_address=f"127.0.0.{n}") for n in (1, 2)]
        with ThreadPoolExecutor(50) as hands, ExitStack() as stack:
            clients = [
                stack.enter_context(httpx.Client(base_url=site.url, timeout=30, transport=door)) for door in doors
            ]
            post = lambda n: clients[n % 2].post(path, data={"overall": str(n % 5 + 1)}).status_code  # noqa: E731
            codes = list(hands.map(post, range(50)))

        assert (codes.count(200), codes.count(404)) == (1, 49), codes
        assert count(site, survey_answer) == 1
        assert count(site, survey_case) <= 1

    def test_a_reminders_link_is_used_with_the_invitations(self, site: Site) -> None:
        """Both are about one resolution."""
        path = invite(site)
        owner = one(site, message).customer_id
        other = invite(site, customer_id=owner, follow_up_id=1, leg="reminder", occasion="ticket:reminder")
        site.client.post(other, data={"overall": "2"})
        assert site.client.get(path).status_code == 404
        assert site.client.post(path, data={"overall": "5"}).status_code == 404
        assert answers(site) == {"overall": 2}


class TestLinksThatLeadNowhere:
    @pytest.mark.parametrize("token", ["x", "A" * 32, "A" * 31 + "=", "a" * 5_000, "%00", "é" * 32, "....."])
    def test_look_like_used_and_expired_ones(self, site: Site, token: str) -> None:
        """One page, one status, before and after a POST, whatever the customer's language is."""
        used, expired = invite(site, locale="zh-CN"), invite(site, phone="+8613800007777", locale="zh-TW")
        site.client.post(used, data={"overall": "5"})
        site.services.clock.advance(timedelta(days=15))
        fresh = invite(site, phone="+8613800006666")
        site.client.post(fresh, data={"overall": "5"})
        seen = set()
        for path in (f"/s/{token}", used, expired, fresh):
            for answer in (
                site.client.get(path, headers=ASKED_IN_ENGLISH),
                site.client.post(path, data={"overall": "5"}, headers=ASKED_IN_ENGLISH),
                site.client.post(path, data={"step": "why", "reason": "3"}, headers=ASKED_IN_ENGLISH),
            ):
                seen.add((answer.status_code, answer.text))
        assert len(seen) == 1
        assert next(iter(seen))[0] == 404
        assert count(site, survey_answer) == 2

    def test_refuse_surveys_alike(self, site: Site) -> None:
        """Whether a refusal reached somebody is not told."""
        path = invite(site, locale="zh-CN")
        refusals = [
            site.client.post(one_path, data={"step": "stop"}, headers=ASKED_IN_ENGLISH) for one_path in (path, "/s/x")
        ]
        assert len({(answer.status_code, answer.text) for answer in refusals}) == 1

    def test_cannot_be_guessed(self, open_site: Callable[..., Site]) -> None:
        """A hundred thousand of the right length, a genuine one with one letter changed, one of another secret."""
        site = open_site()
        links, now = site.services.links, site.services.clock.now()
        genuine = invite(site).removeprefix("/s/")
        assert links.read_survey(genuine, now) is not None
        assert not any(links.read_survey(secrets.token_urlsafe(24), now) for _ in range(100_000))
        near = [genuine[:n] + other + genuine[n + 1 :] for n in range(len(genuine)) for other in "Aa9-" + genuine[0]]
        assert [token for token in near if token != genuine and links.read_survey(token, now)] == []
        other = open_site(security={"secret_key": "o" * 40})
        assert site.client.get(invite(other, phone="+8613800005555")).status_code == 404

    def test_lead_nowhere_for_what_was_no_survey_or_never_left(self, site: Site) -> None:
        """A genuine token of a greeting, of an unsent message, of an erased customer."""
        paths = [
            invite(site, purpose="greeting", phone="+8613800004444"),
            invite(site),
            invite(site, phone="+861380000333"),
        ]
        with write(site.services.engine) as conn:
            conn.execute(sa.text("DELETE FROM attempt WHERE message_id = 2"))
            conn.execute(sa.update(customer).where(customer.c.id == 3).values(erased_at=site.services.clock.now()))
        assert [site.client.get(path).status_code for path in paths] == [404] * 3


class TestNeverAgain:
    def test_silences_surveys_and_nothing_else(self, site: Site) -> None:
        """One choice, kept with its wording; the page can still be answered."""
        path = invite(site)
        answer = site.client.post(path, data={"step": "stop"}, headers=ASKED_IN_ENGLISH)

        assert answer.status_code == 200
        stands = one(site, suppression)
        assert (stands.channel, stands.scope, stands.reason, stands.source) == ("sms", "survey", "opt_out", "web")
        assert stands.address_hash == address_hash("sms", "+8613800009999")
        assert site.client.post(path, data={"step": "stop"}).status_code == 200
        assert count(site, suppression) == 1
        assert site.client.post(path, data={"overall": "5"}).status_code == 200

    def test_holds_from_an_old_page_too(self, site: Site) -> None:
        """Used, or open on a phone for a year: who wants no more is heard."""
        path = invite(site)
        site.client.post(path, data={"overall": "5"})
        site.services.clock.advance(timedelta(days=365))
        site.client.post(path, data={"step": "stop"})
        assert count(site, suppression) == 1

    def test_is_not_chosen_by_looking(self, site: Site) -> None:
        """GET changes nothing."""
        site.client.get(invite(site), params={"step": "stop"})
        assert count(site, suppression) == 0


class TestEveryAnswer:
    def test_is_careful(self, site: Site) -> None:
        """No referrer, no index, no store, no script, no frame."""
        path = invite(site)
        for answer in (site.client.get(path), site.client.post(path, data={"overall": "1"}), site.client.get(path)):
            assert "script-src" not in answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "noindex" in answer.headers["X-Robots-Tag"]
            assert "set-cookie" not in answer.headers

    def test_is_rationed(self, site: Site) -> None:
        """Whoever tries tokens is slowed down."""
        codes = [site.client.get("/s/x").status_code for _ in range(60)]
        assert codes.count(429) >= 20

    def test_is_logged_without_its_token(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        """Who reads the log cannot answer for anybody."""
        path = invite(site)
        site.client.post(path, data={"overall": "1", "comment": "my number is 13800009999"})
        printed = capsys.readouterr()
        assert "survey.answered" in printed.out + printed.err
        assert path.removeprefix("/s/") not in printed.out + printed.err
        assert "13800009999" not in printed.out + printed.err


def test_two_customers_of_one_ticket_storm_do_not_meet(site: Site) -> None:
    """Each link is about its own resolution."""
    first, second = invite(site, phone="+8613800001111"), invite(site, phone="+8613800002222")
    site.client.post(first, data={"overall": "5"})
    assert site.client.get(second).status_code == 200
    assert [row.state for row in site.rows(follow_up)] == ["answered", "delivered"]
