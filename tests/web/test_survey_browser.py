"""The survey page in a real browser: on a phone, at a desk, by keyboard, without scripts, and with hostile words."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.customers.tickets.tables import ticket
from care.surveys.asking_page import clean_words
from care.surveys.tables import survey_answer
from tests.web.conftest import Site
from tests.web.survey_link import answers, cases, count, invite
from tests.web.test_console import PAYLOADS

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium"),
]

OUTSIDE = """() => [...document.querySelectorAll('main *')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width > 1 && (box.left < -0.5 || box.right > innerWidth + 0.5);
}).map(e => e.outerHTML.slice(0, 80))"""

SMALL = """() => [...document.querySelectorAll('input[type=radio], button, summary, textarea')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && (box.width < 40 || box.height < 44);
}).map(e => e.outerHTML.slice(0, 80))"""

NAMELESS = """() => [...document.querySelectorAll('input:not([type=hidden]), textarea')].filter(e =>
    !(e.labels && e.labels.length && e.labels[0].innerText.trim())).map(e => e.outerHTML)"""

BARE_GROUPS = """() => {
    const bare = [...document.querySelectorAll('fieldset')].filter(e =>
        !e.firstElementChild || e.firstElementChild.tagName !== 'LEGEND' || !e.firstElementChild.innerText.trim());
    const loose = [...document.querySelectorAll('input[type=radio]')].filter(e => !e.closest('fieldset'));
    return [...bare, ...loose].map(e => e.outerHTML.slice(0, 80));
}"""

FAINT = """() => {
    const light = c => { const v = c.match(/[\\d.]+/g).map(Number).slice(0, 3).map(n => n / 255)
        .map(n => n <= .03928 ? n / 12.92 : ((n + .055) / 1.055) ** 2.4);
        return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
    const paper = e => { for (; e; e = e.parentElement) {
        const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
    const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
    const words = [...document.querySelectorAll('main *')].filter(e =>
        [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
    const edges = [...document.querySelectorAll('.face, textarea')].filter(e =>
        ratio(getComputedStyle(e).borderTopColor, paper(e.parentElement)) < 3);
    return [...words.filter(e => ratio(getComputedStyle(e).color, paper(e)) < 4.5), ...edges]
        .map(e => e.outerHTML.slice(0, 80));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all: to start and end it takes longer than to look at a page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browse(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open pages in fresh windows, which share nothing: `browse(size, javaScript…)`."""

    def opened(size: dict[str, int], **options: Any) -> Any:
        return browser.new_context(viewport=size, **options).new_page()

    yield opened
    for window in browser.contexts:
        window.close()


def flaws(page: Any) -> list[str]:
    """What a person with thumbs, poor sight or a screen reader would stumble over."""
    found = [flaw for look in (OUTSIDE, SMALL, NAMELESS, BARE_GROUPS, FAINT) for flaw in page.evaluate(look)]
    structure = page.evaluate(
        "() => [document.documentElement.lang, document.title, document.querySelectorAll('h1').length, "
        "document.querySelectorAll('main').length, document.querySelector('meta[name=viewport]').content]"
    )
    lang, title, headings, mains, viewport = structure
    if not (lang and title and headings == 1 and mains == 1) or "user-scalable" in viewport:
        found.append(str(structure))
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map(e => e.id)")
    return found + [name for name in set(ids) if ids.count(name) > 1]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
class TestEveryPage:
    @pytest.mark.parametrize("locale", ["en", "zh-CN", "zh-TW"])
    def test_is_fit_for_everybody(
        self, sqlite_site: Site, browse: Callable[..., Any], size: dict[str, int], colours: str, locale: str
    ) -> None:
        """Form, chosen score, mistake, low score, reason and closed page: big targets, names, contrast, no overflow."""
        page = browse(size, color_scheme=colours)
        path = invite(sqlite_site, locale=locale)
        page.goto(f"{sqlite_site.url}{path}?score=2")
        assert flaws(page) == []
        page.locator("summary").click()
        assert flaws(page) == []
        page.evaluate("document.querySelector('form').noValidate = true")
        page.evaluate("document.querySelectorAll('input').forEach(e => e.checked = false)")
        page.locator("button[value=answer]").click()
        assert page.locator("#problem").is_visible()
        assert flaws(page) == []
        page.locator("label", has=page.locator("input[name=overall][value='1']")).click()
        page.locator("button[value=answer]").click()
        assert page.locator("input[name=reason]").count() == 4
        assert flaws(page) == []
        page.locator("label", has=page.locator("input[name=reason][value='3']")).click()
        page.locator("button[value=why]").click()
        assert flaws(page) == []
        page.goto(sqlite_site.url + path)
        assert flaws(page) == []
        assert cases(sqlite_site) == ["not_solved"]

    @pytest.mark.parametrize("campaign", ["survey_nps", "survey_ces"])
    def test_of_single_questions_too(
        self, sqlite_site: Site, browse: Callable[..., Any], size: dict[str, int], colours: str, campaign: str
    ) -> None:
        """Eleven points and seven fit on a phone as well."""
        page = browse(size, color_scheme=colours)
        page.goto(sqlite_site.url + invite(sqlite_site, campaign_id=campaign))
        assert flaws(page) == []


def test_works_without_scripts(sqlite_site: Site, browse: Callable[..., Any]) -> None:
    """From the link of a mail to the thanks."""
    page = browse(PHONE, java_script_enabled=False)
    page.goto(f"{sqlite_site.url}{invite(sqlite_site)}?score=5")
    page.locator("input[name=attitude][value='4']").check()
    page.fill("#comment", "Very kind")
    page.click("button[value=answer]")
    assert page.inner_text("h1") == "Thank you"
    assert answers(sqlite_site) == {"overall": 5, "attitude": 4, "comment": "Very kind"}


def test_works_by_keyboard_alone(sqlite_site: Site, browse: Callable[..., Any]) -> None:
    """Tab, arrows and Enter; the focus can always be seen, and stands on the first question after a mistake."""
    page = browse(DESK)
    page.goto(sqlite_site.url + invite(sqlite_site))
    page.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement.nextElementSibling).outline"
    assert page.evaluate("document.activeElement.name") == "overall"
    assert page.evaluate(outline).endswith("solid 3px")
    page.keyboard.press("ArrowDown")
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.name + document.activeElement.value") == "timeliness1"
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Thank you")
    assert answers(sqlite_site) == {"overall": 4, "timeliness": 1}


def test_runs_nothing_that_customers_or_tickets_say(sqlite_site: Site, browse: Callable[..., Any]) -> None:
    """Names of tickets, comments shown again and reasons: no dialog, no script, nothing asked of another host."""
    ran: list[str] = []
    asked: list[str] = []
    page = browse(PHONE)
    page.on("dialog", lambda dialog: ran.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    payloads = [payload.replace("\0", "") for payload in PAYLOADS]
    for n, payload in enumerate(payloads):
        sqlite_site.services.clock.advance(timedelta(minutes=1))
        path = invite(sqlite_site, phone=f"+86138000{n:05d}")
        with write(sqlite_site.services.engine) as conn:
            newest = sa.select(sa.func.max(ticket.c.id)).scalar_subquery()
            conn.execute(sa.update(ticket).where(ticket.c.id == newest).values(external_id=f"{n}{payload}"[:56]))
        page.goto(sqlite_site.url + path)
        page.evaluate("document.querySelector('form').noValidate = true")
        page.fill("#comment", payload)
        page.click("button[value=answer]")
        assert page.evaluate("document.scripts.length") == 0
        assert f"ref {n}" in page.inner_text(".about")
        assert page.input_value("#comment") == clean_words(payload)
    assert ran == []
    assert all(url.startswith(sqlite_site.url) for url in asked)
    assert count(sqlite_site, survey_answer) == 0
