"""Every text that comes with the product, in every language, with sample values."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from care.base.errors import FileError
from care.base.settings import OperatorSettings
from care.base.vocabulary import Channel, Purpose
from care.campaigns.model import Campaign
from care.campaigns.rendering import Rendered, Renderer
from care.campaigns.samples import SAMPLE_LINKS, sample_facts, sample_values, shipped_purposes
from care.campaigns.sandbox import parse
from care.campaigns.template_files import read_source
from care.campaigns.templates import TemplateLibrary
from care.campaigns.variables import LINK_VARIABLES, OPERATOR_VARIABLES
from care.policy.keywords import Keyword, classify
from care.policy.load import load_policies
from care.segments.model import EVERYONE
from care.surveys.replies.model import Kind, Reply, Stage
from care.surveys.replies.overlay import load_lexicon
from care.surveys.replies.read import read_reply
from tests.campaigns.plain_occasion import PlainOccasion

TEMPLATES = Path(__file__).parents[2] / "templates" / "messages"
LOCALES = ("zh-CN", "zh-TW", "en")
COUNTRY = {"zh-CN": "CN", "zh-TW": "TW", "en": "US"}
OPERATOR = {
    "zh-CN": OperatorSettings(brand="海岚通信", hotline="96000"),
    "zh-TW": OperatorSettings(brand="海嵐電信", hotline="0800-000-000", country="TW", locale="zh-TW"),
    "en": OperatorSettings(brand="Hailan", hotline="08081 570000", country="US", locale="en"),
}
LIBRARY = TemplateLibrary(TEMPLATES)
POLICIES = load_policies()
LEXICON = load_lexicon(policies=POLICIES)
KINDS = sorted(shipped_purposes())
MAIL_KINDS = [name for name in KINDS if shipped_purposes()[name] is not Purpose.REPLY]
PROMOTION = re.compile(
    r"[%％$¥€£]|\d\s*[元块塊]|优惠|優惠|折|赠|贈|送您|礼|禮|免费|免費|红包|紅包|积分|積點|流量"
    r"|\b(?:free|gift|offer|discount|off|save|deal|bonus|price|win)\b",
    re.IGNORECASE,
)
PRIVACY = {"en": "Used only to improve our service.", "zh-CN": "仅供改进服务", "zh-TW": "僅供改善服務"}
REFUSAL = {"en": ("Reply ", "NO SURVEYS"), "zh-CN": ("回复", "不要再问"), "zh-TW": ("回覆", "不要再問")}
WRONG_SCRIPT = {"zh-CN": "gb2312", "zh-TW": "big5"}


def render(name: str, channel: Channel, locale: str) -> Rendered:
    """Render a shipped template as a customer of that language would get it."""
    words = {key: {"": str(value)} for key, value in sample_values(locale).items()}
    campaign = Campaign(
        id=name,
        name=name,
        title={},
        owner="marketing",
        purpose=shipped_purposes()[name],
        audience=EVERYONE,
        occasion=PlainOccasion(),
        channels=(channel,),
        template=name,
        use_within=timedelta(hours=8),
        values=words,
    )
    facts = sample_facts(
        locale=locale, country=COUNTRY[locale], zone="Asia/Shanghai", currency="CNY", day=date(2026, 10, 16)
    )
    renderer = Renderer(library=LIBRARY, policies=POLICIES, operator=OPERATOR[locale])
    return renderer.render(campaign, channel, facts, links=SAMPLE_LINKS)


def every_file() -> Iterator[Path]:
    return (path for name in KINDS for path in sorted((TEMPLATES / name).iterdir()))


class TestTheShelf:
    def test_holds_every_kind_and_no_stranger(self) -> None:
        """The list of kinds and the folders agree."""
        assert LIBRARY.names() == KINDS
        assert len(KINDS) == 58

    def test_compiles(self) -> None:
        """No shipped file has a mistake that the product's own lint knows."""
        assert LIBRARY.problems() == []

    @pytest.mark.parametrize("name", KINDS)
    def test_has_every_language(self, name: str) -> None:
        """An SMS in three languages; a mail too, except for answers to an SMS."""
        assert LIBRARY.locales(name, Channel.SMS) == sorted(LOCALES)
        assert LIBRARY.locales(name, Channel.EMAIL) == (sorted(LOCALES) if name in MAIL_KINDS else [])

    @pytest.mark.parametrize("name", KINDS)
    def test_says_the_same_in_every_language(self, name: str) -> None:
        """No language leaves out a fact: the variables are the same but for the form of address and thanks."""
        polite = {"salutation", "first_name", "hotline", "brand", "fallback", "duration", "start_kw", "date", "ref"}
        for channel in Channel:
            texts = [LIBRARY.variables(name, channel, locale) - polite for locale in LIBRARY.locales(name, channel)]
            assert all(words == texts[0] for words in texts)

    def test_uses_only_variables_that_are_documented(self) -> None:
        """Every variable of a shipped text has a sample value, or belongs to operator or sender."""
        known = set(sample_values("en")) | set(OPERATOR_VARIABLES) | set(LINK_VARIABLES)
        for name in KINDS:
            for channel, locale in LIBRARY.files(name):
                assert LIBRARY.variables(name, channel, locale) <= known

    def test_samples_are_the_same_in_every_language(self) -> None:
        """A variable that has a sample in one language has one in all."""
        assert len({frozenset(sample_values(locale)) for locale in LOCALES}) == 1


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", KINDS)
class TestEachSms:
    def test_fits_two_parts_with_prefix_and_suffix(self, name: str, locale: str) -> None:
        """Long words, brand and the way to refuse included, no shipped SMS costs more than two parts."""
        said = render(name, Channel.SMS, locale)
        assert said.parts <= 2
        assert said.locale == locale
        assert "{" not in said.text
        assert "  " not in said.text
        assert said.encoding == ("GSM-7" if locale == "en" else "UCS-2")

    def test_leaves_prefix_and_refusal_to_the_policy(self, name: str, locale: str) -> None:
        """The brand's brackets and the opt-out line are never in the text itself."""
        text = read_source(TEMPLATES / name / f"{locale}.sms.txt.j2")
        assert "【" not in text
        assert "拒收" not in text
        if shipped_purposes()[name] is not Purpose.REPLY:
            assert "STOP" not in text

    def test_is_in_one_script(self, name: str, locale: str) -> None:
        """Simplified texts hold no traditional character and the other way round."""
        text = read_source(TEMPLATES / name / f"{locale}.sms.txt.j2")
        if locale in WRONG_SCRIPT:
            text.encode(WRONG_SCRIPT[locale])
        else:
            assert text.isascii()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", ["survey_invite", "complaint_closed", "survey_nps", "survey_ces", "survey_in_process"])
class TestEachInvitation:
    def test_says_what_answers_are_for_and_how_to_be_asked_no_more(self, name: str, locale: str) -> None:
        """In the message itself; where it carries a link, the page says both."""
        said = render(name, Channel.SMS, locale).text
        assert PRIVACY[locale] in said
        assert f"{REFUSAL[locale][0]}{REFUSAL[locale][1]}" in said
        source = read_source(TEMPLATES / name / f"{locale}.sms.txt.j2")
        with_link = source.partition("{% if survey_url %}")[2].partition("{% else %}")[0]
        assert "survey_url" in with_link
        assert PRIVACY[locale] not in with_link

    def test_names_words_that_are_heard_as_a_refusal(self, name: str, locale: str) -> None:
        """Whatever the scale and stage, by the reader of replies; no country takes them for another wish."""
        words = REFUSAL[locale][1]
        for written in (words, words.lower(), f" {words}. ", f"“{words}”"):
            for scale in ("csat5", "csat10", "nps", "ces7", "csat5x4"):
                for stage in Stage:
                    reading = read_reply(Reply(text=written, scale=scale, stage=stage), LEXICON)
                    assert reading.kind is Kind.OPT_OUT, (written, scale, stage, reading)
        for country in POLICIES.countries.values():
            assert classify(words, country) in (None, Keyword.OPT_OUT)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", MAIL_KINDS)
class TestEachMail:
    def test_reads_well_with_and_without_html(self, name: str, locale: str) -> None:
        """Subject, text and page carry the same words; links survive in the text; the page stays small."""
        said = render(name, Channel.EMAIL, locale)
        assert said.locale == locale
        assert 4 <= len(said.subject) <= 78
        for part in (said.subject, said.text, said.html):
            assert "{{" not in part
            assert "{%" not in part
            assert "jx" not in part
        assert SAMPLE_LINKS["unsubscribe_url"] in said.text
        assert SAMPLE_LINKS["unsubscribe_url"] in said.html
        assert OPERATOR[locale].hotline in said.text
        assert "\n\n\n" not in said.text
        assert not re.search(r"<[a-z/]", said.text)
        assert f'<html lang="{locale}"' in said.html
        assert len(said.html.encode()) < 20_000

    def test_is_in_one_script(self, name: str, locale: str) -> None:
        """Simplified texts hold no traditional character and the other way round."""
        text = read_source(TEMPLATES / name / f"{locale}.email.mjml.j2").replace("·", "")
        if locale in WRONG_SCRIPT:
            text.encode(WRONG_SCRIPT[locale])
        else:
            assert text.isascii()


GREETINGS = [name for name in KINDS if shipped_purposes()[name] is Purpose.GREETING]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", GREETINGS)
class TestEachGreeting:
    def test_sells_nothing(self, name: str, locale: str) -> None:
        """A price, a gift or an offer would make it an offer, which asks for another consent."""
        for channel in Channel:
            text = read_source(LIBRARY.resolve(name, channel, locale)[0])
            words = re.sub(r"\{[{%].*?[}%]\}|<[^>]*>", " ", text)
            assert PROMOTION.search(words) is None

    def test_tells_no_age(self, name: str, locale: str) -> None:
        """Only thanks for the years together may be counted, never the years of a life."""
        names = LIBRARY.variables(name, Channel.SMS, locale) | LIBRARY.variables(name, Channel.EMAIL, locale)
        assert not names & {"age", "birth_year", "birthday"}
        assert "years" not in names or name == "spring_festival"


class TestTheDragonBoatGreeting:
    @pytest.mark.parametrize("locale", ["zh-CN", "zh-TW"])
    def test_wishes_health_not_happiness(self, locale: str) -> None:
        """The day remembers a death: people wish each other 安康."""
        for channel in Channel:
            text = read_source(LIBRARY.resolve("dragon_boat", channel, locale)[0])
            assert "安康" in text
            assert "快乐" not in text
            assert "快樂" not in text


class TestTheWholeShelf:
    def test_keeps_to_the_allowed_tags(self) -> None:
        """Every SMS passes the same lint that refuses a stranger's text."""
        texts = [path for path in every_file() if path.name.endswith(".sms.txt.j2")]
        assert len(texts) == len(KINDS) * len(LOCALES)
        for path in texts:
            source = read_source(path)
            assert parse(source, path).body
            with pytest.raises(FileError, match="calls are not allowed"):
                parse(source + "{{ x() }}", path)  # the lint looks at this very text to its end

    def test_shares_one_handsome_page(self) -> None:
        """Every mail includes the same style, header and the footer of its language."""
        for path in every_file():
            if path.name.endswith(".email.mjml.j2"):
                text, locale = read_source(path), path.name.split(".")[0]
                for piece in ("style.mjml", "header.mjml", f"footer.{locale}.mjml"):
                    assert f'path="_shared/{piece}"' in text
