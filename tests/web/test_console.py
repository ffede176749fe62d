"""The console: what it shows, to whom, and that nobody's words become code on it."""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base.database import write
from care.inbound.tables import inbound_message
from care.inbound.worker import work_inbox
from care.messages.store import add_intended
from care.reports.people import mask_name
from care.web.chart import DayCount, draw_days, round_up
from care.web.loopback import is_loopback
from tests.factories import make_customer
from tests.inbound.house import hear_all, inbound_form, make_attempt, make_message
from tests.web.conftest import Site

PHONE = "+8613800001111"
PAYLOADS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "javascript:alert(1)",
    "<a href=javascript:alert(1)>x</a>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=javascript:alert(1)>",
    "<embed src=data:text/html,<script>alert(1)</script>>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{display:none}</style>",
    "<style>@import '//evil.example/x.css';</style>",
    "<form action=//evil.example><input type=submit>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "<!--<img src='--><img src=x onerror=alert(1)>'>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "{{ 7*7 }}",
    "{% print(7*7) %}",
    "${7*7}",
    "#{7*7}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "＜script＞alert(1)＜/script＞",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<img/src=x/onerror=alert(1)>",
    "<img src=x onerror\n=alert(1)>",
    "<x contenteditable onblur=alert(1)>lose focus!",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
    "\u202e<script>alert(1)</script>",
    "<button form=x formaction=javascript:alert(1)>X",
]


def add_message(site: Site, **fields: object) -> int:
    """A delivered greeting of today with its attempt, in the books."""
    now = site.services.clock.now()
    name = fields.pop("name", "王小明")
    campaign = str(fields.get("campaign_id", "greeting"))
    with write(site.services.engine) as conn:
        customer_id = make_customer(conn, phone=PHONE, name=name, consents=("greeting",))
        made = make_message(
            conn,
            customer_id=customer_id,
            now=now,
            **{"status": "delivered", "attempts": 1, "channel": "sms", "sent_at": now, "delivered_at": now, **fields},
        )
        if fields.get("attempts", 1):
            make_attempt(conn, message_id=made, phone=PHONE, now=now, provider_ref=f"SM{made:032x}", done_at=now)
        add_intended(conn, campaign_id=campaign, occasion_on=now.date(), leg="main", count=1, now=now)
    return made


class _Page(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.bad: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "srcdoc", "formaction"):
                self.bad.append(f"{tag} {name}")
            if name in ("href", "src", "action"):
                self.links.append(value or "")


class TestToday:
    def test_shows_books_promises_and_log(self, site: Site) -> None:
        """The day's pages balance, the promises have their figures, the log has a line."""
        made = add_message(site)
        answer = site.client.get("/")

        assert answer.status_code == 200
        assert "1 intended = 1 final + 0 open" in answer.text
        assert answer.text.count(">kept<") >= 6
        assert f'href="/messages/{made}"' in answer.text
        assert "100.0%" in answer.text

    def test_masks_people(self, site: Site) -> None:
        """No full name and no full number on any page."""
        made = add_message(site)
        hear_all(site.services, [inbound_form(PHONE, "在吗")])
        work_inbox(site.services.engine, site.services.inbound_rules, now=site.services.clock.now())
        for path in ("/", f"/messages/{made}"):
            text = site.client.get(path).text
            assert "王**" in text
            assert "王小明" not in text
            assert "13800001111" not in text

    def test_opens_empty(self, site: Site) -> None:
        """The first morning, with nothing imported, is no error."""
        answer = site.client.get("/")
        assert answer.status_code == 200
        assert "Nothing is owed today." in answer.text

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("state=failed", 1),
            ("state=problems", 1),
            ("state=delivered", 3),
            ("campaign=other", 1),
            ("customer=C-of-nobody", 0),
            ("since=1d", 4),
            ("state=nonsense&since=never&before=abc", 4),
            ("before=-1&campaign=' OR 1=1 --", 0),
            ("before=99999999999999999999999", 4),
        ],
    )
    def test_searches(self, site: Site, query: str, found: int) -> None:
        """By status, campaign, customer and time; nonsense is no error."""
        for _ in range(2):
            add_message(site)
        add_message(site, campaign_id="other")
        add_message(site, status="failed", reason="number", delivered_at=None)

        answer = site.client.get(f"/?{query}")
        assert answer.status_code == 200
        assert answer.text.count('<a href="/messages/') - _in_promises(answer.text) == found

    def test_turns_pages(self, site: Site) -> None:
        """Fifty lines a page, none twice, none left out."""
        for _ in range(120):
            add_message(site)
        path, seen = "/", list[str]()
        for _ in range(3):
            text = site.client.get(path).text.split('id="log"')[1]
            seen += [part.split('"')[0] for part in text.split('href="/messages/')[1:]]
            path = text.split('" rel="next"')[0].rsplit('href="', 1)[1].replace("&amp;", "&") if "rel=" in text else ""
        assert path == ""
        assert len(seen) == len(set(seen)) == 120


def _in_promises(text: str) -> int:
    return text.split('id="log"', maxsplit=1)[0].count('<a href="/messages/')


class TestOneMessage:
    def test_tells_its_story(self, site: Site) -> None:
        """Planned, tried, answered, in plain words."""
        text = site.client.get(f"/messages/{add_message(site)}").text
        for words in ("planned for", "try 1 by sms through twilio", "the provider took it", "delivered"):
            assert words in text

    @pytest.mark.parametrize("wrong", ["0", "9999", "-1", "abc", "1" * 30, "1%00", "１"])
    def test_may_not_exist(self, site: Site, wrong: str) -> None:
        """404 with a way back."""
        answer = site.client.get(f"/messages/{wrong}")
        assert answer.status_code == 404
        assert "no such message" in answer.text


class TestWhoMayLook:
    def test_nobody_when_the_process_listens_to_the_world(self, open_site: Callable[..., Site]) -> None:
        """Without a sign-in the console is for this machine only; webhooks go on."""
        site = open_site(web={"host": "0.0.0.0"})  # noqa: S104 - the setting under test; the test itself listens on loopback
        for path in ("/", "/messages/1"):
            answer = site.client.get(path)
            assert answer.status_code == 403
            assert "web.host" in answer.text
        assert site.client.get("/healthz").status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"Host": "care.example.com"},
            {"Host": "evil.example"},
            {"X-Forwarded-For": "203.0.113.9"},
            {"Forwarded": "for=203.0.113.9"},
            {"X-Real-IP": "203.0.113.9"},
            {"Via": "1.1 proxy"},
        ],
    )
    def test_nobody_through_a_proxy_or_a_rebound_name(self, site: Site, headers: dict[str, str]) -> None:
        """A proxy in front makes everybody look local; a web page may point its own name at 127.0.0.1."""
        assert site.client.get("/", headers=headers).status_code == 403

    @pytest.mark.parametrize(
        ("host", "own"),
        [
            ("127.0.0.1", True),
            ("127.9.9.9", True),
            ("::1", True),
            ("[::1]", True),
            ("localhost", True),
            ("0.0.0.0", False),  # noqa: S104 - a case, nothing listens
            ("10.0.0.1", False),
            ("localhost.evil.example", False),
            ("127.0.0.1.nip.io", False),
            ("", False),
        ],
    )
    def test_loopback_is_exact(self, host: str, own: bool) -> None:
        """Names that merely look local are not."""
        assert is_loopback(host) is own


class TestWordsOfOthers:
    def test_never_become_code(self, site: Site) -> None:
        """Fifty payloads as names and as SMS: no handler, no script, no frame, no foreign link on any page."""
        assert len(PAYLOADS) == 50
        for at in range(0, 50, 5):
            some = PAYLOADS[at : at + 5]
            made = [add_message(site, name=payload.replace("\0", "")) for payload in some]
            write_in(site, some)
            for path in ("/", f"/messages/{made[0]}", f"/?{urlencode({'customer': some[1], 'campaign': some[2]})}"):
                _harmless(site.client.get(path).text)
            answer_all(site)

    def test_are_shown_as_they_are(self, site: Site) -> None:
        """A clerk reads what the customer wrote, tags and all."""
        write_in(site, ["<b>help</b> & {{ 7*7 }}"])
        assert "&lt;b&gt;help&lt;/b&gt; &amp; {{ 7*7 }}" in site.client.get("/").text

    @pytest.mark.slow
    def test_run_nothing_in_a_browser(self, sqlite_site: Site) -> None:
        """A real browser opens the pages: no dialog, no script, nothing asked of another host."""
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        if chromium is None:
            pytest.skip("needs a browser: apt-get install chromium")
        from playwright.sync_api import sync_playwright

        site = sqlite_site
        ran: list[str] = []
        asked: list[str] = []
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            page.on("dialog", lambda dialog: ran.append(dialog.message))
            page.on("request", lambda request: asked.append(request.url))
            for at in range(0, 50, 5):
                made = [add_message(site, name=payload.replace("\0", "")) for payload in PAYLOADS[at : at + 5]]
                write_in(site, PAYLOADS[at : at + 5])
                for path in ("/", f"/messages/{made[0]}"):
                    page.goto(site.url + path)
                    assert page.evaluate("document.scripts.length") == 0
                answer_all(site)
            browser.close()
        assert ran == []
        assert all(url.startswith(site.url) for url in asked)


def write_in(site: Site, words: list[str]) -> None:
    """Let a customer write, as far as the console's inbox."""
    hear_all(site.services, [inbound_form(PHONE, text) for text in words])
    work_inbox(site.services.engine, site.services.inbound_rules, now=site.services.clock.now())


def answer_all(site: Site) -> None:
    """Empty the inbox, so that the next messages are shown."""
    with write(site.services.engine) as conn:
        conn.execute(sa.update(inbound_message).values(answered_at=site.services.clock.now()))


def _harmless(text: str) -> None:
    page = _Page(text)
    assert page.bad == []
    assert not {"script", "iframe", "object", "embed", "base", "style", "img"} & set(page.tags)
    assert all(link.startswith(("/", "#")) for link in page.links)


class TestTheChart:
    @given(st.integers(0, 10**9))
    def test_has_an_axis_that_holds_the_count(self, count: int) -> None:
        """The end is four even whole steps, and not far above."""
        top = round_up(count)
        assert top >= count
        assert top % 4 == 0
        assert count == 0 or top <= max(4, count * 2.5)

    @given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 3), min_size=1, max_size=31))
    def test_keeps_every_bar_inside(self, counts: list[tuple[int, int, int]]) -> None:
        """Whatever the figures, nothing is drawn outside the picture or upside down."""
        first = date(2026, 1, 1)
        chart = draw_days(
            [
                DayCount(day=first + timedelta(days=n), delivered=a, on_the_way=b, failed=c)
                for n, (a, b, c) in enumerate(counts)
            ]
        )
        assert len(chart.days) == len(counts)
        for one in chart.segments:
            assert 0 <= one.x <= one.x + one.width <= chart.width
            assert -0.5 <= one.y <= one.y + one.height <= chart.height


@pytest.mark.parametrize(
    ("name", "shown"), [("王小明", "王**"), ("Alexandra", "A**"), ("<b>", "***"), ("", ""), (None, ""), ("  ", "")]
)
def test_names_are_masked(name: str | None, shown: str) -> None:
    """One letter is left, and only if it is one."""
    assert mask_name(name) == shown
