"""SMS parts, counted as the carrier bills them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.campaigns.sms_parts import SmsCount, costly_characters, count_parts

# 3GPP TS 23.038 section 6.2.1, typed from the standard: the reference shares no table with the product.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = "\f^{}\\[~]|€"
VECTORS = [json.loads(line) for line in (Path(__file__).parent / "sms_vectors.jsonl").read_text("utf-8").splitlines()]


def reference(text: str) -> SmsCount:
    """Fill part after part, character by character."""
    is_gsm = all(char in BASIC or char in EXTENDED for char in text)
    if is_gsm:
        widths = [2 if char in EXTENDED else 1 for char in text]
    else:
        widths = [2 if ord(char) > 0xFFFF else 1 for char in text]
    single, chained = (160, 153) if is_gsm else (70, 67)
    units = sum(widths)
    if units <= single:
        return SmsCount("GSM-7" if is_gsm else "UCS-2", 1, units)
    parts, room = 1, chained
    for width in widths:
        if width > room:
            parts, room = parts + 1, chained
        room -= width
    return SmsCount("GSM-7" if is_gsm else "UCS-2", parts, units)


class TestCountParts:
    @pytest.mark.parametrize(
        ("text", "encoding", "parts", "units"),
        [
            ("a", "GSM-7", 1, 1),
            ("a" * 160, "GSM-7", 1, 160),
            ("a" * 161, "GSM-7", 2, 161),
            ("a" * 306, "GSM-7", 2, 306),
            ("a" * 307, "GSM-7", 3, 307),
            ("a" * 459, "GSM-7", 3, 459),
            ("a" * 460, "GSM-7", 4, 460),
            ("€" * 80, "GSM-7", 1, 160),
            ("€" * 80 + "a", "GSM-7", 2, 161),
            ("€" * 81, "GSM-7", 2, 162),
            ("€" * 152, "GSM-7", 2, 304),  # 76 a part, one septet stays empty
            ("€" * 153, "GSM-7", 3, 306),
            ("a" * 152 + "€" + "a" * 152, "GSM-7", 3, 306),  # the pair does not fit the first part
            ("a" * 151 + "€" + "a" * 153, "GSM-7", 2, 306),
            ("\f", "GSM-7", 1, 2),
            ("好", "UCS-2", 1, 1),
            ("好" * 70, "UCS-2", 1, 70),
            ("好" * 71, "UCS-2", 2, 71),
            ("好" * 134, "UCS-2", 2, 134),
            ("好" * 135, "UCS-2", 3, 135),
            ("好" * 201, "UCS-2", 3, 201),
            ("好" * 202, "UCS-2", 4, 202),
            ("🎂" * 35, "UCS-2", 1, 70),
            ("🎂" * 35 + "好", "UCS-2", 2, 71),
            ("🎂" * 66, "UCS-2", 2, 132),  # 33 a part, one unit stays empty
            ("🎂" * 67, "UCS-2", 3, 134),
            ("好" * 66 + "🎂" + "好" * 66, "UCS-2", 3, 134),
            ("好" * 65 + "🎂" + "好" * 67, "UCS-2", 2, 134),
            ("a" * 70 + "’", "UCS-2", 2, 71),
            ("Ça va", "GSM-7", 1, 5),
            ("ça va", "UCS-2", 1, 5),
            ("a\tb", "UCS-2", 1, 3),
            ("a`b", "UCS-2", 1, 3),
            ("\x1b", "UCS-2", 1, 1),
            ("{好}", "UCS-2", 1, 3),  # in UCS-2 a brace is one unit
        ],
    )
    def test_knows_the_boundaries(self, text, encoding, parts, units) -> None:
        """One character more than a part holds is billed as the next part."""
        assert count_parts(text) == SmsCount(encoding, parts, units)

    def test_refuses_an_empty_text(self) -> None:
        """Nothing to say is a mistake, not a message of zero parts."""
        with pytest.raises(ValueError, match="empty"):
            count_parts("")

    @pytest.mark.parametrize("char", BASIC)
    def test_takes_one_septet_for_the_basic_alphabet(self, char) -> None:
        """Every character of the default alphabet counts once."""
        assert count_parts(char) == SmsCount("GSM-7", 1, 1)

    @pytest.mark.parametrize("char", EXTENDED)
    def test_takes_two_septets_for_the_extension(self, char) -> None:
        """Every character of the extension table counts twice."""
        assert count_parts(char) == SmsCount("GSM-7", 1, 2)

    def test_takes_no_other_character_for_gsm(self) -> None:
        """All of the Basic Multilingual Plane, one by one."""
        gsm = {chr(i) for i in range(0x10000) if count_parts(chr(i)).encoding == "GSM-7"}
        assert gsm == set(BASIC + EXTENDED)

    @pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["units"]))
    def test_agrees_with_vectors_confirmed_by_a_second_calculator(self, vector) -> None:
        """Texts whose counts were settled elsewhere come out the same."""
        expected = SmsCount(vector["encoding"], vector["parts"], vector["units"])
        assert count_parts(vector["text"]) == expected

    @given(st.text(st.sampled_from(BASIC + EXTENDED * 5), min_size=1, max_size=700))
    def test_agrees_with_the_reference_on_gsm(self, text) -> None:
        """A slow and plain counter gives the same for any GSM 7-bit text."""
        assert count_parts(text) == reference(text)

    @given(st.text(st.sampled_from("好的a{🎂😀"), min_size=1, max_size=400))
    def test_agrees_with_the_reference_on_ucs(self, text) -> None:
        """A slow and plain counter gives the same for any UCS-2 text."""
        assert count_parts(text) == reference(text)

    @given(st.text(min_size=1, max_size=400))
    def test_agrees_with_the_reference_on_anything(self, text) -> None:
        """A slow and plain counter gives the same for any text at all."""
        assert count_parts(text) == reference(text)

    @given(st.integers(1, 5), st.integers(-3, 3), st.integers(0, 4), st.sampled_from(["€", "🎂"]))
    def test_never_splits_a_pair_at_any_boundary(self, parts, offset, before, wide) -> None:
        """A wide character moved over every edge of every part."""
        narrow, size = ("a", 153) if wide == "€" else ("好", 67)
        text = narrow * max(parts * size + offset - before, 0) + wide * (before + 1) + narrow * size
        assert count_parts(text) == reference(text)


class TestCostlyCharacters:
    def test_are_those_that_force_ucs(self) -> None:
        """Exactly the characters outside GSM 7-bit are named as the costly ones."""
        assert costly_characters("a’b{好") == [(1, "’"), (4, "好")]

    def test_are_extensions_in_a_gsm_text(self) -> None:
        """Where the text stays GSM 7-bit, the costly ones are those that count twice."""
        assert costly_characters("a[€]") == [(1, "["), (2, "€"), (3, "]")]

    def test_are_none_in_a_plain_text(self) -> None:
        """A plain text has no costly character."""
        assert costly_characters("plain") == []

    @given(st.text(st.sampled_from("ab{€好🎂"), min_size=1, max_size=50))
    def test_explain_every_unit_above_the_plain_ones(self, text) -> None:
        """Without them the text is plain GSM-7; each index finds its character."""
        found = costly_characters(text)
        assert all(text[index] == char for index, char in found)
        rest = "".join(char for index, char in enumerate(text) if index not in dict(found))
        if rest:
            assert count_parts(rest).encoding == "GSM-7"
        assert (found == []) == (count_parts(text) == SmsCount("GSM-7", 1, len(text)))
