"""Clock, ids and errors: small things that everything stands on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.base.clock import SystemClock, VirtualClock
from care.base.errors import CareError, FileError, InputError, ManyErrors
from care.base.ids import (
    MERSENNE_31,
    digest,
    group_line,
    group_position,
    household_draw,
    keyed_hash,
    random_token,
    random_tokens,
)
from care.base.shipped import shipped
from care.base.vocabulary import LANES, Purpose


class TestVirtualClock:
    def test_moves_only_when_told(self) -> None:
        """Advancing moves both clocks; setting the wall clock leaves the monotonic one."""
        clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        clock.advance(timedelta(minutes=5))
        clock.set(datetime(2025, 1, 1, tzinfo=UTC))

        assert clock.now() == datetime(2025, 1, 1, tzinfo=UTC)
        assert clock.monotonic() == 300

    def test_refuses_a_naive_start(self) -> None:
        """A clock without a zone would be a guess."""
        with pytest.raises(ValueError, match="aware"):
            VirtualClock(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake itself


class TestSystemClock:
    def test_tells_aware_utc(self) -> None:
        """The one place that reads the machine's clock."""
        clock = SystemClock()

        assert clock.now().utcoffset() == timedelta(0)
        assert clock.monotonic() <= clock.monotonic()


class TestHouseholdDraw:
    @given(st.text())
    def test_is_stable_and_inside_its_range(self, household: str) -> None:
        """The same household always draws the same lot, 1 to 2**31 - 2."""
        lot = household_draw(household)

        assert lot == household_draw(household)
        assert 1 <= lot <= MERSENNE_31 - 1

    @given(st.text(max_size=20))
    def test_products_fit_sixty_two_bits(self, group: str) -> None:
        """So that SQLite, PostgreSQL and Python compute the same position."""
        a, b = group_line(group)

        assert (MERSENNE_31 - 1) * a + b < 2**62

    def test_shuffles_households_afresh_for_each_group(self) -> None:
        """Held out in one group says nothing about the next, and the share is met."""
        draws = [household_draw(f"H{n}") for n in range(20_000)]
        renewal = {draw for draw in draws if group_position(draw, "renewal") < 0.05}
        birthday = {draw for draw in draws if group_position(draw, "birthday") < 0.05}

        assert 850 < len(renewal) < 1150
        assert len(renewal & birthday) < 100


class TestIds:
    def test_tokens_are_long_and_never_twice(self) -> None:
        """128 bits in 22 URL-safe characters."""
        tokens = {random_token() for _ in range(1000)}

        assert len(tokens) == 1000
        assert {len(token) for token in tokens} == {22}

    def test_tokens_of_one_group_are_neighbours(self) -> None:
        """They begin alike, so an index grows in one place; what follows the second is as random as ever."""
        made_at = datetime(2026, 9, 25, 1, 0, tzinfo=UTC)
        tokens = random_tokens(1000, made_at) + random_tokens(1000, made_at + timedelta(seconds=1))

        assert len({token[8:] for token in tokens}) == 2000
        assert {len(token) for token in tokens} == {30}
        assert [token[:8] for token in tokens] == sorted(token[:8] for token in tokens)
        assert len({token[:8] for token in tokens}) == 2

    def test_keyed_hash_depends_on_key_and_text(self) -> None:
        """Without the key the hash cannot be computed; with it, it is stable."""
        assert keyed_hash(b"k", "sms:+1") == keyed_hash(b"k", "sms:+1")
        assert (
            len({keyed_hash(b"k", "sms:+1"), keyed_hash(b"j", "sms:+1"), keyed_hash(b"k", "sms:+2"), digest("sms:+1")})
            == 4
        )


class TestErrors:
    def test_a_file_error_points_at_its_place(self) -> None:
        """Path, line, column, problem and fix, as editors understand them."""
        error = FileError(Path("campaigns/x.yaml"), "no such segment 'vip'", "Did you mean 'vips'?", line=3, column=9)

        assert str(error) == "campaigns/x.yaml:3:9: no such segment 'vip'. Did you mean 'vips'?"
        assert str(FileError("x.csv", "is empty", "Add rows")) == "x.csv: is empty. Add rows"

    def test_many_errors_keep_their_order(self) -> None:
        """One line each, exit code of wrong input."""
        error = ManyErrors([InputError("a"), CareError("b")])

        assert (str(error), error.exit_code) == ("a\nb", 2)


class TestPurpose:
    def test_ranks_the_most_urgent_first(self) -> None:
        """The lanes are the list of purposes, in the one order used everywhere."""
        assert [purpose.lane for purpose in LANES] == list(range(6))
        assert (Purpose.EMERGENCY.lane, Purpose.GREETING.lane) == (0, 5)


class TestShipped:
    def test_finds_campaigns_and_templates(self) -> None:
        """What `care init` copies is there, in a checkout as in an installation."""
        assert (shipped("campaigns") / "segments.yaml").is_file()
        assert (shipped("templates") / "messages").is_dir()
