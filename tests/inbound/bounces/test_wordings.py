"""The table of wordings holds together: with itself, and with the table of reasons."""

import pytest

from care.inbound.bounces.classify import Diagnosis, classify, reason_rows
from care.inbound.bounces.model import Kind
from care.inbound.bounces.wordings import GAP, Wording, all_wordings, wordings

SIGNS = {"in-doubt", "subject-returned", "subject-away", "subject-receipt", "still-trying", "arrived", "copy-begins"}
BETWEEN = {"another-thing", "at-our-place", "salutation"}
PAIRS = [tuple(row.pattern.split("+")) for row in reason_rows() if row.match == "pair"]
KINDS = {row.pattern: row.kind for row in reason_rows() if row.match == "words"}
AT_RCPT = "in reply to RCPT TO command"


def rows(*kinds: str) -> list[Wording]:
    return [each for each in all_wordings() if KINDS.get(each.list) in kinds]


class TestTable:
    def test_has_each_wording_once(self) -> None:
        """A list with the same words twice was edited in haste."""
        seen = [(each.list, each.language, each.words) for each in all_wordings()]
        assert len(seen) == len(set(seen))

    def test_is_written_as_it_is_compared(self) -> None:
        """Capitals, curly apostrophes and double blanks would never be found."""
        written = [each.words for each in all_wordings()]
        assert [words for words in written if words != " ".join(words.lower().split()) or "\u2019" in words] == []

    def test_has_no_words_so_short_that_anything_has_them(self) -> None:
        """Two letters of Latin are in every mail; what begins one, counts as a whole word or needs its other half may be."""
        excused = {"subject-receipt", "in-doubt", *BETWEEN, *(half for pair in PAIRS for half in pair)}
        looked_for = [each.words for each in all_wordings() if each.list not in excused]
        assert [words for words in looked_for if words.isascii() and len(words) < 5] == []

    def test_names_only_lists_that_are_used(self) -> None:
        """Each list is a sign or stands in the table of reasons, and the other way round."""
        assert {each.list for each in all_wordings()} == SIGNS | BETWEEN | set(KINDS) | {*sum(PAIRS, ())}

    def test_knows_no_other_list(self) -> None:
        """A name that was mistyped in code is told at once."""
        with pytest.raises(KeyError):
            wordings("mailbox-ful")

    def test_speaks_many_languages(self) -> None:
        """The reasons that decide are known in the languages our customers' providers write in."""
        for name in ("no-such-mailbox", "no-such-domain", "mailbox-full", "subject-away", "subject-returned"):
            spoken = {each.language for each in all_wordings() if each.list == name}
            assert spoken >= {"zh", "zh-hant", "ja", "ko", "de", "fr", "es", "it", "nl", "pl", "ru"}, name


def meaning(words: Wording, *, code: str = "550", stage: str = AT_RCPT) -> Kind:
    return classify(Diagnosis(text=f"{code} {words.words.replace(GAP, ' ')}", stage=stage)).kind


class TestEachWording:
    def test_of_a_dead_address_is_hard_alone(self) -> None:
        """No other rule may take it first."""
        assert [each for each in rows("hard", "quoted") if meaning(each) is not Kind.HARD] == []

    def test_of_a_living_one_is_never_hard(self) -> None:
        """Full, switched off, blocked, too large: the address may live."""
        assert [each for each in rows("soft") if meaning(each) is not Kind.SOFT] == []

    def test_is_soft_for_now(self) -> None:
        """A 450 asks for another try, whatever it says."""
        assert [each for each in rows("hard", "quoted") if meaning(each, code="450") is not Kind.SOFT] == []

    def test_is_soft_after_the_content(self) -> None:
        """A server that took the mail first was filtering."""
        late = "in reply to end of DATA command"
        assert [each for each in rows("hard", "quoted") if meaning(each, stage=late) is not Kind.SOFT] == []
