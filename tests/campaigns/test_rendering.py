from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from care.base.errors import FileError
from care.base.settings import OperatorSettings
from care.base.vocabulary import Channel, Purpose
from care.campaigns.model import Campaign
from care.campaigns.occasion import OccasionFacts
from care.campaigns.rendering import Renderer, RenderError
from care.campaigns.samples import SAMPLE_LINKS, sample_facts
from care.campaigns.templates import TemplateLibrary
from care.policy.load import load_policies
from care.segments.model import EVERYONE
from tests.campaigns.plain_occasion import PlainOccasion

POLICIES = load_policies()
HEAD = '---\nsubject: For {{ name }}\n---\n<mjml lang="en"><mj-body><mj-section><mj-column><mj-text>'
TAIL = "</mj-text></mj-column></mj-section></mj-body></mjml>\n"


def campaign(**changes: object) -> Campaign:
    made = Campaign(
        id="c",
        name="c",
        title={},
        owner="",
        purpose=Purpose.GREETING,
        audience=EVERYONE,
        occasion=PlainOccasion(),
        channels=(Channel.SMS, Channel.EMAIL),
        template="hello",
        use_within=timedelta(hours=8),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


def facts(locale: str = "en", country: str = "GB", **customer: object) -> OccasionFacts:
    """A customer of twelve years; columns by name."""
    sample = sample_facts(locale=locale, country=country, zone="UTC", currency="GBP", day=date(2026, 9, 25))
    return replace(sample, customer={**sample.customer, **customer})


@pytest.fixture
def library(tmp_path: Path) -> TemplateLibrary:
    return TemplateLibrary(tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    """Write one text of the template `hello`."""

    def writing(text: str, name: str = "en.sms.txt.j2") -> None:
        path = tmp_path / "hello" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return writing


@pytest.fixture
def renderer(library: TemplateLibrary) -> Renderer:
    operator = OperatorSettings(brand="Hailan", hotline="96000", country="GB", locale="en")
    return Renderer(library=library, policies=POLICIES, operator=operator)


class TestSms:
    def test_wears_prefix_and_suffix_of_the_policy(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """A greeting in Britain names the sender first and the way to refuse last; a notice only the sender."""
        write("Hello {{ first_name }}.")
        said = renderer.render(campaign(), Channel.SMS, facts())
        assert said.text == "Hailan: Hello Alexandra. Reply STOP to opt out."
        assert (said.parts, said.encoding, said.locale, said.subject, said.html) == (1, "GSM-7", "en", "", "")
        notice = renderer.render(campaign(purpose=Purpose.SERVICE), Channel.SMS, facts())
        assert notice.text == "Hailan: Hello Alexandra."

    def test_leaves_the_signature_to_a_transport_that_adds_it(
        self, library: TemplateLibrary, write: Callable[..., None]
    ) -> None:
        """A gateway that signs by itself gets the text without the brand."""
        write("您好。", "zh-CN.sms.txt.j2")
        operator = OperatorSettings()
        renderer = Renderer(library=library, policies=POLICIES, operator=operator, transport_adds_signature=True)
        assert renderer.render(campaign(), Channel.SMS, facts("zh-CN", "CN")).text == "您好。 拒收请回复R"

    def test_counts_what_is_sent(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """Parts are those of the whole text; one name outside the alphabet changes the encoding."""
        write("Hello {{ first_name }}. " + "x" * 120)
        assert renderer.render(campaign(), Channel.SMS, facts()).parts == 2
        told = renderer.render(campaign(), Channel.SMS, facts(name="Zoë Smith"))
        assert (told.encoding, told.parts) == ("UCS-2", 3)

    def test_refuses_a_novel(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """More than ten parts is a mistake, whatever made it so."""
        write("Hello " + "x" * 1600)
        with pytest.raises(RenderError, match="of 11 parts"):
            renderer.render(campaign(), Channel.SMS, facts())


class TestMissingWords:
    def test_are_named_without_the_customer(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """The error says which template, file and variables; of the customer it says nothing."""
        write("{{ name }} {{ plan }} {{ benefit }}")
        with pytest.raises(RenderError) as caught:
            renderer.render(campaign(), Channel.SMS, facts(name="Secret Person"))
        error = caught.value
        assert (error.template, error.locale, error.missing) == ("hello", "en", ("benefit", "plan"))
        assert str(error) == (
            "template 'hello' (en.sms.txt.j2): needs benefit, plan, which is not known here. "
            "Give it in the campaign's values, or ask first with {% if benefit %}"
        )

    @pytest.mark.parametrize("name", [None, "", "   ", "\u202e\n"])
    def test_include_empty_ones(self, renderer: Renderer, write: Callable[..., None], name: str | None) -> None:
        """Nobody gets "Dear ," or "Dear None"."""
        write("Dear {{ name }}")
        with pytest.raises(RenderError):
            renderer.render(campaign(), Channel.SMS, facts(name=name))

    def test_are_no_trouble_where_the_text_asks(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """With {% if %} the sentence is left out."""
        write("Thank you{% if years %} for {{ years | plural('year', 'years') }}{% endif %}.")
        assert "for 12 years." in renderer.render(campaign(), Channel.SMS, facts()).text
        assert "Thank you. " in renderer.render(campaign(), Channel.SMS, facts(joined_on=None)).text

    @pytest.mark.parametrize("value", [1.5, True, ["x"], {"a": 1}, b"x", object()])
    def test_include_what_is_not_plain(self, renderer: Renderer, write: Callable[..., None], value: object) -> None:
        """An occasion that hands out an object, a float or a flag is not trusted: only words and whole numbers."""
        write("{{ thing }}")
        with pytest.raises(RenderError, match="needs thing"):
            renderer.render(campaign(occasion=PlainOccasion({"thing": value})), Channel.SMS, facts())  # type: ignore[dict-item]  # on purpose


class TestWhoSpeaksFirst:
    def test_is_the_campaign_then_the_occasion(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """Values of the campaign win over the occasion, which wins over the customer, who wins over nothing."""
        write("{{ area }}")
        occasion = PlainOccasion({"area": "the occasion"})
        values = {"area": {"": "the campaign"}}
        said = [
            renderer.render(given, Channel.SMS, facts(area="the customer")).text
            for given in (campaign(), campaign(occasion=occasion), campaign(occasion=occasion, values=values))
        ]
        assert [text[8:20] for text in said] == ["the customer", "the occasion", "the campaign"]

    def test_follows_the_language_of_the_text(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """A French customer who gets the English text gets English defaults and values in it."""
        write("{{ salutation }}, {{ benefit }}.")
        given = campaign(values={"benefit": {"en": "tea", "fr": "thé"}})
        said = renderer.render(given, Channel.SMS, facts("fr", salutation=None))
        assert "Dear customer, tea." in said.text
        assert said.locale == "en"


class TestValues:
    def test_reach_the_text_as_one_clean_line(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """Control and bidirectional characters are gone, tags in a name are only words."""
        write("Hello {{ name }}.")
        said = renderer.render(campaign(), Channel.SMS, facts(name="A\r\nB\u202e{{ hotline }}\x00"))
        assert said.text.startswith("Hailan: Hello A B{{ hotline }}.")


class TestEmail:
    def test_has_three_parts_and_the_links_given(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """Subject and text take the words as they are, the page escapes them; only known links are taken."""
        write(HEAD + '{{ name }} <a href="{{ unsubscribe_url }}">out</a>' + TAIL, "en.email.mjml.j2")
        links = {**SAMPLE_LINKS, "name": "not a link"}
        said = renderer.render(campaign(), Channel.EMAIL, facts(name="Ann <Co>\nBcc: x"), links=links)
        assert said.subject == "For Ann <Co> Bcc: x"
        assert said.text == f"Ann <Co> Bcc: x out: {SAMPLE_LINKS['unsubscribe_url']}"
        assert "Ann &lt;Co&gt;" in said.html
        assert (said.parts, said.encoding) == (1, "")

    def test_offers_a_way_out_of_marketing(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """A greeting by mail without an unsubscribe link is refused; a notice needs none."""
        write(HEAD + "{{ name }}" + TAIL, "en.email.mjml.j2")
        with pytest.raises(RenderError, match="without a way to unsubscribe"):
            renderer.render(campaign(), Channel.EMAIL, facts())
        assert renderer.render(campaign(purpose=Purpose.SERVICE), Channel.EMAIL, facts()).text == "Alexandra Smith"

    def test_stays_of_a_size(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """A value that fills a mail is refused."""
        write(HEAD + "{{ name }}" + TAIL, "en.email.mjml.j2")
        with pytest.raises(RenderError, match="too large"):
            renderer.render(campaign(purpose=Purpose.SERVICE), Channel.EMAIL, facts(name="x" * 200_001))


class TestAddresses:
    @pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "x"])
    def test_must_be_addresses(self, renderer: Renderer, write: Callable[..., None], address: str) -> None:
        """What a customer's record calls a link is taken as one only if it is a web address."""
        write(HEAD + '<a href="{{ offer_url }}">{{ name }}</a>' + TAIL, "en.email.mjml.j2")
        given = campaign(purpose=Purpose.SERVICE)
        with pytest.raises(RenderError, match="needs offer_url"):
            renderer.render(given, Channel.EMAIL, facts(attributes={"offer_url": address}))
        said = renderer.render(given, Channel.EMAIL, facts(attributes={"offer_url": 'https://x.example/"><script>'}))
        assert '<a href="https://x.example/&#34;&gt;&lt;script&gt;"' in said.html


class TestTheRenderer:
    def test_uses_a_new_text_after_a_reload(
        self, renderer: Renderer, library: TemplateLibrary, write: Callable[..., None]
    ) -> None:
        """What was worked out for an old text is forgotten when the library has seen a new one."""
        write("Old")
        given = campaign(purpose=Purpose.SERVICE)
        assert renderer.render(given, Channel.SMS, facts()).text == "Hailan: Old"
        write("New")
        library.reload()
        assert renderer.render(given, Channel.SMS, facts()).text == "Hailan: New"

    def test_says_so_when_there_is_no_text(self, renderer: Renderer) -> None:
        """A missing template is the file's error, not the customer's."""
        with pytest.raises(FileError, match="there is no template 'hello'"):
            renderer.render(campaign(), Channel.SMS, facts())

    def test_keeps_countries_and_campaigns_apart(self, renderer: Renderer, write: Callable[..., None]) -> None:
        """The same text for another country wears that country's wording, whatever was rendered before."""
        write("Hi.")
        texts = [
            renderer.render(campaign(), Channel.SMS, facts(country=country)).text
            for country in ("GB", "TW", "GB", None)
        ]
        assert texts[0] == texts[2] == texts[3]
        assert texts[1] != texts[0]
