from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from care.base.database import read, write
from care.base.errors import AnswerIsNoError
from care.base.settings import OperatorSettings
from care.base.vocabulary import Channel
from care.campaigns.preview import preview, sample_preview
from care.campaigns.rendering import Renderer
from care.campaigns.sentences import audience_words, next_days, sentences
from care.campaigns.templates import TemplateLibrary
from care.policy.load import load_policies
from care.segments.rules import parse_rule
from tests.campaigns.conftest import BIRTHDAY, with_line
from tests.factories import make_customer, make_subscription

TODAY = date(2026, 9, 25)
OPERATOR = OperatorSettings()


@pytest.fixture
def renderer(tmp_path: Path) -> Renderer:
    """A renderer over one template, `birthday`."""
    folder = tmp_path / "templates" / "birthday"
    folder.mkdir(parents=True)
    (folder / "zh-CN.sms.txt.j2").write_text(
        "{{ salutation }}，{% if plan and end_date %}{{ plan }}{{ end_date }}到期{% endif %}安康"
    )
    (folder / "en.sms.txt.j2").write_text("Dear {{ first_name }}, we are {{ missing_word }} glad.")
    return Renderer(library=TemplateLibrary(tmp_path / "templates"), policies=load_policies(), operator=OPERATOR)


class TestPreview:
    def test_shows_the_next_occasion_of_a_customer(self, engine, load_one, renderer) -> None:
        """The real row, the real day, and an address nobody can read off the screen."""
        campaign = load_one(with_line("channels", "channels: [sms]"))
        with write(engine) as conn:
            make_customer(conn, external_id="C1", phone="+8613800138000", salutation="王女士", birth_mmdd=1001)

        with read(engine) as conn:
            found = preview(conn, campaign, "C1", renderer=renderer, operator=OPERATOR, today=TODAY)

        (text,) = found.texts
        assert found.facts.occasion == "birthday:solar-2026"
        assert found.due_at == datetime(2026, 10, 1, 2, tzinfo=UTC)
        assert text.rendered is not None
        assert "王女士，安康" in text.rendered.text
        assert "13800138000" not in text.address.replace(" ", "")
        assert text.address.endswith("8000")
        assert text.costly[:2] == ("【", "海")

    def test_speaks_of_the_subscription_that_is_due(self, engine, load_one, renderer) -> None:
        """Facts come from the joined row, as they will when it is sent."""
        occasion = with_line("occasion", "occasion: {kind: subscription_end, before: [24h]}")
        campaign = load_one(with_line("channels", "channels: [sms]", occasion))
        with write(engine) as conn:
            customer_id = make_customer(conn, external_id="C1")
            make_subscription(conn, customer_id=customer_id, external_id="S1", plan="融合300M套餐")

        with read(engine) as conn:
            found = preview(conn, campaign, "C1", renderer=renderer, operator=OPERATOR, today=TODAY)

        assert found.facts.occasion == "subscription_end:S1:2027-01-31:24h"
        assert found.due_at == datetime(2027, 1, 30, 16, tzinfo=UTC)
        assert found.texts[0].rendered is not None
        assert "融合300M套餐1月31日到期" in found.texts[0].rendered.text

    def test_stands_in_for_an_occasion_that_is_not_near(self, engine, load_one, renderer) -> None:
        """A customer without a birthday is shown with a sample day, and it says so."""
        campaign = load_one(with_line("channels", "channels: [sms]"))
        with write(engine) as conn:
            make_customer(conn, external_id="C1", birth_mmdd=None)

        with read(engine) as conn:
            found = preview(conn, campaign, "C1", renderer=renderer, operator=OPERATOR, today=TODAY)

        assert found.due_at is None
        assert found.texts[0].rendered is not None

    def test_names_what_is_missing_instead_of_a_text(self, engine, load_one, renderer) -> None:
        """A text that cannot be filled in for this customer is a problem, not a crash."""
        campaign = load_one(BIRTHDAY)
        with write(engine) as conn:
            make_customer(conn, external_id="C1", locale="en", name="Ann Lee", birth_mmdd=1001)

        with read(engine) as conn:
            found = preview(conn, campaign, "C1", renderer=renderer, operator=OPERATOR, today=TODAY)

        assert [text.channel for text in found.texts] == [Channel.SMS, Channel.EMAIL]
        assert "missing_word" in found.texts[0].problem
        assert "no email text" in found.texts[1].problem

    def test_refuses_a_customer_that_is_not_there(self, sqlite_engine, load_one, renderer) -> None:
        """One line with what to do."""
        with read(sqlite_engine) as conn, pytest.raises(AnswerIsNoError, match="customer 'C9': not known"):
            preview(conn, load_one(BIRTHDAY), "C9", renderer=renderer, operator=OPERATOR, today=TODAY)

    def test_needs_no_database_for_a_sample(self, load_one, renderer) -> None:
        """Texts can be read before there are customers."""
        campaign = load_one(with_line("channels", "channels: [sms]"))

        found = sample_preview(campaign, renderer=renderer, operator=OPERATOR, today=TODAY)

        assert found.texts[0].rendered is not None


class TestSentences:
    def test_read_a_campaign_aloud(self, load_one, book) -> None:
        """Who, when, how, why, until when, who is left out, and the words."""
        told = dict(sentences(load_one(BIRTHDAY), book))

        assert told["Who"] == "customers who are loyal, but not open_complaint."
        assert told["How"] == "By SMS; where that cannot reach, by e-mail, with the text 'birthday'."
        assert told["Why"].startswith("It is a greeting: it needs consent")
        assert told["Until"] == "8h after it is due; later, silence is better."
        assert told["Left out"] == "5% of the households in group 'birthday', to measure the effect."
        assert told["Words"] == "benefit = 10GB流量 / 10 GB extra data."

    @pytest.mark.parametrize(
        ("rule", "words"),
        [
            ("everyone", "everyone"),
            ({"tenure_years": {"at_least": 5}}, "tenure_years at least 5"),
            ({"any": ["loyal", {"all": ["key_account", "loyal"]}]}, "loyal or (key_account and loyal)"),
            ({"none": ["loyal", "open_complaint"]}, "not loyal nor open_complaint"),
            ({"open_complaint": False}, "not open_complaint"),
        ],
    )
    def test_put_rules_into_words(self, book, rule, words: str) -> None:
        """Segments by name, comparisons as sentences, groups with brackets where they nest."""
        assert audience_words(parse_rule(rule, Path("a.yaml"), segments=book.names), book) == words

    def test_name_the_next_days(self, load_one) -> None:
        """A festival's days in the coming year; nothing for a day that is over."""
        qixi = load_one(with_line("occasion", "occasion: {kind: holiday, name: qixi}"))
        over = load_one(with_line("occasion", "occasion: {kind: date, on: 2020-01-01}"))

        assert next_days(qixi.occasion, "Asia/Shanghai", TODAY) == [date(2027, 8, 8)]
        assert next_days(over.occasion, "Asia/Shanghai", TODAY) == []

    def test_name_no_day_whose_hour_is_long_over(self, load_one) -> None:
        """At night, with today's ten o'clock behind us and whatever came of it too late, the next is tomorrow."""
        daily, ten = load_one(BIRTHDAY).occasion, datetime.combine(TODAY, time(2), tzinfo=UTC)

        for after, first in ((ten - timedelta(minutes=1), TODAY), (ten, TODAY + timedelta(days=1))):
            assert next_days(daily, "Asia/Shanghai", TODAY, 1, after=after) == [first]
