"""Phones, e-mails and zones; the short cuts are held against the libraries they stand in for."""

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from care.base.ids import keyed_hash
from care.customers.addresses import (
    SHORT_CUT_COUNTRIES,
    AddressError,
    AddressHasher,
    email_by_library,
    normalise_email,
    normalise_phone,
    phone_by_library,
    region_of_phone,
    zone_by_library,
    zone_of_phone,
)


def outcome(normalise, *args):
    """Return the answer or the refusal's text, so that both can be compared."""
    try:
        return normalise(*args)
    except AddressError as error:
        return ("refused", str(error))


def _code(country: str) -> str:
    return str(phonenumbers.country_code_for_region(country))


@st.composite
def _written_numbers(draw: st.DrawFn) -> tuple[str, str]:
    """Numbers near the short cuts: real mobile patterns, damaged ones, any digits, every way to prefix them."""
    country = draw(st.sampled_from(SHORT_CUT_COUNTRIES))
    pattern = phonenumbers.PhoneMetadata.metadata_for_region(country).mobile.national_number_pattern
    national = draw(
        st.one_of(
            st.from_regex(f"(?:{pattern})", fullmatch=True, alphabet="0123456789"),
            st.text("0123456789", min_size=3, max_size=14),
        )
    )
    if draw(st.booleans()):
        place = draw(st.integers(0, len(national)))
        national = national[:place] + draw(st.sampled_from(["", "0", "1", "9", " ", "-", "５"])) + national[place:]
    prefix = draw(st.sampled_from(["", "0", "1", "00", f"+{_code(country)}", f"00{_code(country)}", _code(country)]))
    reader = draw(st.sampled_from([country, "CN", "US", "GB"]))
    return prefix + national, reader


class TestNormalisePhone:
    @settings(max_examples=1500, deadline=None)
    @given(_written_numbers())
    @example(("17912345678", "CN"))
    @example(("11213812345678", "CN"))
    @example(("85261234", "HK"))
    @example(("0912345678", "TW"))
    def test_answers_like_the_library(self, case) -> None:
        """The short cut never accepts, refuses or writes a number otherwise than phonenumbers."""
        raw, country = case
        assert outcome(normalise_phone, raw, country) == outcome(phone_by_library, raw, country)

    @pytest.mark.parametrize(
        ("raw", "country", "e164"),
        [
            ("13812345678", "CN", "+8613812345678"),
            ("199 1234 5678", "CN", "+8619912345678"),
            ("170-1234-5678", "CN", "+8617012345678"),
            ("１３８１２３４５６７８", "CN", "+8613812345678"),
            ("＋86 138 1234 5678", "CN", "+8613812345678"),
            ("0086 138 1234 5678", "CN", "+8613812345678"),
            ("0086 138 1234 5678", "TW", "+8613812345678"),
            ("0086 138 1234 5678", "HK", "+8613812345678"),
            ("8613812345678", "CN", "+8613812345678"),
            ("400-123-4567", "CN", "+864001234567"),
            ("010-12345678", "CN", "+861012345678"),
            ("0912 345 678", "TW", "+886912345678"),
            ("6123 4567", "HK", "+85261234567"),
            ("(415) 555-0123", "US", "+14155550123"),
            ("+1 500 555 0006", "CN", "+15005550006"),
            ("07911 123456", "GB", "+447911123456"),
            ("+44 7911 123456", "CN", "+447911123456"),
        ],
    )
    def test_understands(self, raw, country, e164) -> None:
        """Numbers as people and spreadsheets write them."""
        assert normalise_phone(raw, country) == e164

    @pytest.mark.parametrize(
        "raw", ["10086", "95555", "110", "1381234567", "138123456789", "11912345678", "n/a", "", "+", "1.38123E+10"]
    )
    def test_refuses(self, raw) -> None:
        """Short codes, a digit too few or too many, and what is no number; the number is not repeated."""
        with pytest.raises(AddressError) as caught:
            normalise_phone(raw, "CN")
        assert len(raw) < 2 or raw not in str(caught.value)

    def test_refuses_an_extension(self) -> None:
        """A message cannot be put through to an extension."""
        with pytest.raises(AddressError, match="extension"):
            normalise_phone("+1 415 555 0123 ext. 45", "US")


_labels = st.sampled_from(
    ["example", "mail", "163", "qq", "a-b", "-a", "a-", "xn--fiqs8s", "中国", "A" * 64, "x" * 63, ""]
)
_domains = st.lists(_labels, min_size=1, max_size=4).map(".".join)
_ends = st.sampled_from([".com", ".CN", ".test", ".local", ".example", ".123", "", ".", ".com.", ".c"])
_locals = st.one_of(
    st.text("abcXYZ09._+-'!@ \"é", max_size=12),
    st.sampled_from(["INFO", "Postmaster", "webMaster", "a" * 64, "a" * 65, "a" * 245]),
)


class TestNormaliseEmail:
    @settings(max_examples=1500, deadline=None)
    @given(st.builds("{}@{}{}".format, _locals, _domains, _ends))
    def test_answers_like_the_library(self, raw) -> None:
        """The short cut never accepts, refuses or writes an address otherwise than email-validator."""
        assert outcome(normalise_email, raw) == outcome(email_by_library, raw.strip())

    def test_keeps_the_local_part_and_lowers_the_domain(self) -> None:
        """Domains have no case; the part before the @ is the receiver's business."""
        assert normalise_email(" Wang.Fang@Example.COM ") == "Wang.Fang@example.com"

    @pytest.mark.parametrize("raw", ["", "a@", "a b@example.com", "a..b@example.com", "a@[127.0.0.1]", "a@host.test"])
    def test_refuses(self, raw) -> None:
        """Addresses no mail reaches."""
        with pytest.raises(AddressError):
            normalise_email(raw)


class TestZoneOfPhone:
    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.sampled_from(["mobile", "fixed_line"]))
    def test_answers_like_the_library(self, region, kind) -> None:
        """The zone per country code is the zone of each number of that code."""
        kinds = {"mobile": phonenumbers.PhoneNumberType.MOBILE, "fixed_line": phonenumbers.PhoneNumberType.FIXED_LINE}
        number = phonenumbers.example_number_for_type(region, kinds[kind])
        if number is None:
            return
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert zone_of_phone(e164) == zone_by_library(e164)

    @pytest.mark.parametrize(
        ("e164", "zone"),
        [
            ("+8613812345678", "Asia/Shanghai"),
            ("+886912345678", "Asia/Taipei"),
            ("+85261234567", "Asia/Hong_Kong"),
            ("+14155550123", "America/Los_Angeles"),
            ("+447911123456", None),
            ("+61412345678", None),
            ("+18005550123", None),
        ],
    )
    def test_is_known_only_when_the_number_tells_one(self, e164, zone) -> None:
        """Several zones are as good as none: quiet hours never fail open."""
        assert zone_of_phone(e164) == zone


class TestRegionOfPhone:
    @pytest.mark.parametrize(
        ("e164", "region"),
        [("+8613812345678", "CN"), ("+14165550123", "CA"), ("+447400123456", "GB"), ("+80012345678", None)],
    )
    def test_is_the_country_that_gave_out_the_number(self, e164, region) -> None:
        """Shared country codes are told apart by the number."""
        assert region_of_phone(e164) == region


class TestAddressHasher:
    def test_is_the_keyed_hash_of_channel_and_address(self) -> None:
        """Every part of the house writes the same hash."""
        key = b"0123456789abcdef"
        assert AddressHasher(key).hash("sms", "+8613812345678") == keyed_hash(key, "sms:+8613812345678")

    def test_ignores_the_case_of_an_email(self) -> None:
        """An opt-out holds however the address is typed."""
        hasher = AddressHasher(b"0123456789abcdef")
        assert hasher.hash("email", "Wang@example.com") == hasher.hash("email", "wang@example.com")
