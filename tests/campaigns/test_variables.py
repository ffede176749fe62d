from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.base.vocabulary import Channel, Purpose
from care.campaigns.first_names import first_name_of
from care.campaigns.model import Campaign
from care.campaigns.occasion import OccasionFacts
from care.campaigns.plain_words import plain
from care.campaigns.samples import sample_facts
from care.campaigns.variables import (
    CUSTOMER_VARIABLES,
    READ_OF_CUSTOMER,
    Origin,
    available_variables,
    customer_reader,
    default_first_name,
    default_salutation,
    fixed_values,
)
from care.segments.model import EVERYONE
from tests.campaigns.plain_occasion import PlainOccasion


def facts(locale: str = "en", **customer: object) -> OccasionFacts:
    """A customer in Shanghai on 25 September 2026."""
    sample = sample_facts(locale=locale, country="CN", zone="Asia/Shanghai", currency="CNY", day=date(2026, 9, 25))
    return replace(sample, customer={**sample.customer, **customer})


def campaign(**values: dict[str, str]) -> Campaign:
    return Campaign(
        id="c",
        name="c",
        title={},
        owner="",
        purpose=Purpose.OFFER,
        audience=EVERYONE,
        occasion=PlainOccasion({"date": "25 September"}),
        channels=(Channel.SMS,),
        template="c",
        use_within=timedelta(hours=8),
        values=values,
    )


class TestCustomerVariables:
    @pytest.mark.parametrize(
        ("name", "customer", "value"),
        [
            ("salutation", {"salutation": "王女士"}, "王女士"),
            ("salutation", {"salutation": None}, "Dear customer"),
            ("salutation", {"salutation": ""}, "Dear customer"),
            ("first_name", {"name": "Alexandra Smith"}, "Alexandra"),
            ("first_name", {"name": "王小明"}, "dear customer"),
            ("first_name", {"name": None}, "dear customer"),
            ("years", {"joined_on": date(2016, 9, 25)}, 10),
            ("years", {"joined_on": date(2016, 9, 26)}, 9),
            ("years", {"joined_on": date(2025, 9, 26)}, None),
            ("years", {"joined_on": date(2016, 2, 29)}, 10),
            ("years", {"joined_on": None}, None),
            ("manager", {"account_manager": "Chen Chen"}, "Chen Chen"),
            ("area", {"area": None}, None),
            ("customer_id", {"external_id": "C7"}, "C7"),
            ("pet", {"attributes": {"pet": "cat"}}, "cat"),
            ("pet", {"attributes": {"pet": 3}}, "3"),
            ("pet", {"attributes": {"pet": True}}, None),
            ("pet", {"attributes": {"pet": ["cat"]}}, None),
            ("pet", {"attributes": {"pet": None}}, None),
            ("pet", {"attributes": None}, None),
            ("pet", {"attributes": {"pet": "x" * 500}}, "x" * 200),
        ],
    )
    def test_come_from_the_customer_or_a_stated_default(
        self, name: str, customer: dict[str, object], value: object
    ) -> None:
        """Each is read from its column or attribute; only salutation and first name have a default."""
        assert customer_reader(name)(facts(**customer)) == value

    @pytest.mark.parametrize("column", ["birth_year", "birth_mmdd", "hardship", "deceased", "minor"])
    def test_never_tell_age_or_plight(self, column: str) -> None:
        """Columns that a greeting must not speak of cannot be read by their names."""
        assert customer_reader(column)(facts(**{column: 1950})) is None
        assert column not in {variable.name for variable in CUSTOMER_VARIABLES}

    def test_read_only_the_columns_that_a_sender_fetches(self) -> None:
        """A variable that read another column would be missing from every message."""
        asked: set[str] = set()

        class Watched(dict[str, object]):
            def get(self, name: str, default: object = None) -> object:
                asked.add(name)
                return super().get(name, default)

        row = Watched(name="Ann Lee", customer_type="person", joined_on=date(2016, 3, 1))
        watched = replace(facts(), customer=row)
        for variable in CUSTOMER_VARIABLES:
            variable.read(watched)
        assert {"name", "joined_on"} <= asked <= {*READ_OF_CUSTOMER}

    def test_default_by_language(self) -> None:
        """The stated defaults follow the fallback chain of the locale."""
        assert default_salutation("zh-CN") == "尊敬的客户"
        assert default_salutation("zh-HK") == "尊敬的客戶"
        assert default_salutation("fr") == "Dear customer"
        assert default_first_name("zh-TW") == "尊敬的客戶"


class TestFirstNames:
    @pytest.mark.parametrize(
        ("customer", "first"),
        [
            ({"name": "Alexandra Smith"}, "Alexandra"),
            ({"name": "Smith, Alexandra"}, "Alexandra"),
            ({"name": "Mr John Smith"}, "John"),
            ({"name": "Dr. Zoë Ünal"}, "Zoë"),
            ({"name": "Mr Lee"}, "Mr Lee"),
            ({"name": "Jean-Luc Picard"}, "Jean-Luc"),
            ({"name": "J. Smith"}, ""),
            ({"name": "J Smith"}, ""),
            ({"name": "王小明"}, ""),
            ({"name": "王 Ming"}, ""),
            ({"name": "Иван Петров"}, ""),
            ({"name": "007"}, ""),
            ({"name": "  "}, ""),
            ({"name": "Smith,"}, "Smith"),
            ({"name": "Acme Ltd", "customer_type": "business"}, ""),
            ({"name": "Acme Ltd", "attributes": {"first_name": "Ann"}}, "Ann"),
            ({"name": "Ann", "attributes": {"first_name": " "}}, "Ann"),
            ({}, ""),
        ],
    )
    def test_are_told_only_where_they_are_certain(self, customer: dict[str, object], first: str) -> None:
        """Titles, initials, firms and other scripts do not become a wrong first name."""
        assert first_name_of(customer) == first


class TestPlainWords:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("王女士", "王女士"),
            ("Ann\r\nBcc: all@example.com", "Ann Bcc: all@example.com"),
            ("a\tb\u2028c\u00a0d", "a b c d"),
            ("evil\u202etxt\u2066x\u200f", "eviltxtx"),
            ("nul\x00l\x1b[0m", "null[0m"),
            ("\ud800x\ue000", "x"),
            ("  Ann  ", "Ann"),
            ("👩\u200d👧", "👩\u200d👧"),
            ("می\u200cخواهم", "می\u200cخواهم"),
            ("", ""),
        ],
    )
    def test_lose_what_could_deceive(self, given: str, kept: str) -> None:
        """Line breaks, control, bidirectional and private characters never reach a message."""
        assert plain(given) == kept

    @given(st.text(max_size=60))
    def test_are_one_line_and_stay_so(self, text: str) -> None:
        """Whatever comes in, one clean line comes out, and cleaning it again changes nothing."""
        words = plain(text)
        assert plain(words) == words
        assert not any(char in words for char in "\r\n\t\x00\u202e\u2066")
        words.encode()


OPERATOR = {"brand": "Hailan", "hotline": "96000"}


class TestFixedValues:
    def test_choose_words_of_the_same_language(self) -> None:
        """A campaign's value is taken in the locale, a relative of it, or for any; never in a foreign language."""
        given = campaign(benefit={"zh-CN": "10GB流量", "en": "10 GB"}, code={"": "A1"}, gift={"zh-CN": "茶"})
        assert fixed_values(given, "zh-HK", operator=OPERATOR)["benefit"] == "10GB流量"
        english = fixed_values(given, "en-GB", operator=OPERATOR)
        assert english["benefit"] == "10 GB"
        assert english["code"] == "A1"
        assert "gift" not in english

    def test_let_the_campaign_speak_before_the_operator(self) -> None:
        """A value of the campaign wins over the settings."""
        given = campaign(hotline={"": "12345"})
        assert fixed_values(given, "en", operator=OPERATOR) == {"brand": "Hailan", "hotline": "12345"}


class TestAvailableVariables:
    def test_name_their_origin(self) -> None:
        """The check can say who gives each variable; an SMS has no links."""
        found = available_variables(PlainOccasion({"date": "x"}), {"benefit": {}}, Channel.EMAIL)
        assert found["salutation"] is Origin.CUSTOMER
        assert found["brand"] is Origin.OPERATOR
        assert found["date"] is Origin.OCCASION
        assert found["benefit"] is Origin.VALUES
        assert found["unsubscribe_url"] is Origin.LINK
        assert "unsubscribe_url" not in available_variables(channel=Channel.SMS)
        assert "plan" not in found
