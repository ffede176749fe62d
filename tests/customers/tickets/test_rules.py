"""Tickets from facts: when it happened counts, never in which order we heard of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.customers.tickets.model import Deed, Fact, Kept, TicketRules
from care.customers.tickets.rules import fold, joined, numbered, says_the_same, was_resolved_by

T0 = datetime(2026, 9, 1, tzinfo=UTC)
RULES = TicketRules(
    test_kinds=frozenset({"test"}), test_staff=frozenset({"robot"}), test_customer_types=frozenset({"staff"})
)


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def told(hours: float, **words) -> Fact:
    return Fact(at=at(hours), words=words)


def resolved(hours: float, **words) -> Fact:
    return Fact(at=at(hours), deed=Deed.RESOLVED, words=words)


def reopened(hours: float, **words) -> Fact:
    return Fact(at=at(hours), deed=Deed.REOPENED, words=words)


def ticket(*facts: Fact, customer_type: str | None = None):
    return fold(joined([], facts), RULES, customer_type)


def rounds(*facts: Fact) -> list[tuple[float, float | None]]:
    """When it was resolved and opened again, in hours."""
    return [
        ((one.resolved_at - T0) / timedelta(hours=1), one.until and (one.until - T0) / timedelta(hours=1))
        for one in ticket(*facts).resolutions
    ]


class TestResolutions:
    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            ([told(0)], []),
            ([resolved(2)], [(2, None)]),
            ([told(0), resolved(2), resolved(3)], [(2, None)]),
            ([resolved(2), reopened(3)], [(2, 3)]),
            ([resolved(2), reopened(3), resolved(4)], [(2, 3), (4, None)]),
            ([resolved(2), reopened(3), reopened(3.5), resolved(4)], [(2, 3), (4, None)]),
            ([reopened(1), resolved(2)], [(2, None)]),
            ([resolved(2), reopened(2), resolved(2.5)], [(2, 2), (2.5, None)]),
        ],
    )
    def test_are_counted_by_rounds(self, facts, expected) -> None:
        """Resolving the resolved changes nothing; what was opened again is resolved a next time."""
        assert rounds(*facts) == expected

    def test_stand_on_the_ticket_while_they_last(self) -> None:
        """A ticket opened again is open."""
        assert ticket(resolved(2)).resolved_at == at(2)
        open_again = ticket(resolved(2), reopened(3))
        assert (open_again.resolved_at, open_again.reopened_at) == (None, at(3))

    def test_keep_the_words_of_their_moment(self) -> None:
        """Whoever resolved it first is not blamed for the second time, and the other way round."""
        first, second = ticket(
            told(0, opened_at=at(0), staff="A", kind="complaint", area="北区"),
            resolved(2, staff="B", result="reset"),
            reopened(3, staff="C"),
            resolved(4, result="new cable"),
            told(9, staff="D", severity="major"),
        ).resolutions
        assert (first.staff, first.result, first.kind, first.area) == ("B", "reset", "complaint", "北区")
        assert (second.staff, second.result) == ("C", "new cable")
        assert (first.opened_at, first.first_call_at) == (at(0), at(0))
        assert (second.opened_at, second.first_call_at) == (at(3), at(0))
        assert first.severity == "major"  # told late, and better than nothing

    def test_begin_where_it_was_opened_again(self) -> None:
        """Also where nobody told us of the resolution before, as in a list that begins late."""
        (one,) = ticket(told(0, opened_at=at(0)), reopened(1), resolved(2)).resolutions
        assert (one.opened_at, one.first_call_at) == (at(1), at(0))

    def test_lend_no_staff_to_an_earlier_round(self) -> None:
        """What is not known of the first round stays unknown."""
        first, second = ticket(resolved(2), reopened(3), resolved(4, staff="B", area="北区")).resolutions
        assert (first.staff, first.area, second.staff) == (None, "北区", "B")

    def test_of_a_kind_nobody_named_are_repairs(self) -> None:
        """So that the customer is asked."""
        assert ticket(resolved(2)).resolutions[0].kind == "repair"


class TestWords:
    def test_of_newer_news_stand(self) -> None:
        """Older news fills what is empty and undoes nothing; None clears."""
        found = ticket(told(5, staff="B", area=None), told(1, staff="A", area="北区", kind="repair"))
        assert (found.words["staff"], found.words["area"], found.words["kind"]) == ("B", None, "repair")
        assert found.as_of == at(5)

    def test_of_a_list_are_corrected_by_the_next_list(self) -> None:
        """The same moment, said otherwise: the later list counts, and what it leaves out stays."""
        once = Fact(at=at(2), deed=Deed.LISTED, words={"staff": "A", "area": "北区"})
        again = Fact(at=at(2), deed=Deed.LISTED, words={"staff": "B"})
        facts = joined(joined([], [resolved(2, staff="X"), once]), [again])
        assert fold(facts, RULES, None).words == {"staff": "B", "area": "北区"}
        assert joined(facts, [again]) == facts

    @pytest.mark.parametrize(
        ("words", "customer_type", "expected"),
        [
            ({"kind": "repair", "staff": "A"}, "person", False),
            ({"kind": "Test"}, None, True),
            ({"staff": "robot"}, None, True),
            ({}, "staff", True),
            ({"test": True}, None, True),
            ({"test": False, "kind": "test"}, "staff", False),
        ],
    )
    def test_say_what_is_a_try(self, words, customer_type, expected) -> None:
        """By settings, or by the ticket's own word, which counts most."""
        found = ticket(resolved(2, **words), customer_type=customer_type)
        assert (found.is_test, found.resolutions[0].is_test) == (expected, expected)


class TestNumbers:
    def test_follow_the_clock_until_somebody_took_one_on(self) -> None:
        """An earlier resolution that is heard of late comes first, while nobody was asked."""
        parts = ticket(resolved(4), reopened(3), resolved(2)).resolutions
        kept = [Kept(n=1, resolved_at=at(4), is_taken=False)]
        assert [(n, part.resolved_at) for n, part in numbered(parts, kept)] == [(1, at(2)), (2, at(4))]

    def test_of_what_was_taken_on_never_change(self) -> None:
        """The late one gets the next free number."""
        parts = ticket(resolved(4), reopened(3), resolved(2)).resolutions
        kept = [Kept(n=1, resolved_at=at(4), is_taken=True)]
        assert [(n, part.resolved_at) for n, part in numbered(parts, kept)] == [(2, at(2))]

    def test_stay_where_a_round_began_earlier_than_known(self) -> None:
        """Nobody is asked twice about one round."""
        parts = ticket(resolved(4), resolved(2)).resolutions
        assert numbered(parts, [Kept(n=1, resolved_at=at(4), is_taken=True)]) == []


class TestReopening:
    def test_needs_something_to_open(self) -> None:
        """A resolution of that moment or before."""
        assert was_resolved_by([resolved(2)], at(2))
        assert not was_resolved_by([resolved(2), reopened(3)], at(1))
        assert not was_resolved_by([told(0)], at(9))


words = st.dictionaries(
    st.sampled_from(["staff", "kind", "area", "result"]), st.sampled_from(["A", "B", "test", None]), max_size=3
)
facts = st.builds(
    Fact, at=st.integers(0, 6).map(at), deed=st.sampled_from([Deed.TOLD, Deed.RESOLVED, Deed.REOPENED]), words=words
)


class TestAnyOrder:
    @given(st.lists(facts, min_size=1, max_size=8), st.data())
    def test_ends_in_the_same_ticket(self, given_facts, data) -> None:
        """Shuffled, doubled, one by one: the same ticket and the same resolutions."""
        expected = ticket(*given_facts)
        doubled = given_facts + data.draw(st.lists(st.sampled_from(given_facts), max_size=4))
        known: list[Fact] = []
        for fact in data.draw(st.permutations(doubled)):
            known = joined(known, [fact])
        found = fold(known, RULES, None)
        assert found == expected
        assert says_the_same(found, expected)

    @given(st.lists(facts, min_size=1, max_size=8))
    def test_never_resolves_twice_without_opening(self, given_facts) -> None:
        """Rounds follow one another, each with an end but the last."""
        found = ticket(*given_facts)
        for one, following in zip(found.resolutions, found.resolutions[1:], strict=False):
            assert one.until is not None
            assert one.resolved_at <= one.until <= following.resolved_at
        assert (found.resolved_at is None) == (not found.resolutions or found.resolutions[-1].until is not None)
