"""Bans on addresses: idempotent, scoped, lifted by the right hand only."""

from datetime import timedelta

import pytest

from care.base.database import read, write
from care.base.vocabulary import Purpose
from care.customers.model import SuppressionReason, SuppressionScope
from care.customers.suppressions import (
    active_suppressions,
    lift_opt_out,
    lift_suppression,
    suppress,
    suppression_history,
)
from tests.factories import address_hash

PHONE = "+8613812345678"


def ban(engine, hasher, clock, *, scope="all", reason="opt_out", channel="sms", address=PHONE):
    with write(engine) as conn:
        return suppress(
            conn,
            hasher=hasher,
            channel=channel,
            address=address,
            scope=scope,
            reason=reason,
            source="test",
            now=clock.now(),
        )


def standing(engine, *addresses, channel=None):
    hashes = [address_hash(*address) for address in addresses or [("sms", PHONE)]]
    with read(engine) as conn:
        return [(one.scope, one.reason) for one in active_suppressions(conn, hashes, channel=channel)]


class TestSuppress:
    def test_writes_the_same_ban_once(self, engine, hasher, clock) -> None:
        """A doubled STOP leaves one row; another scope or reason is another ban."""
        assert ban(engine, hasher, clock)
        assert not ban(engine, hasher, clock)
        assert ban(engine, hasher, clock, scope="marketing")
        assert ban(engine, hasher, clock, reason="complaint")
        assert len(standing(engine)) == 3

    def test_can_be_written_again_after_it_was_lifted(self, engine, hasher, clock) -> None:
        """STOP, START, STOP: silenced, and the history tells all of it."""
        ban(engine, hasher, clock)
        with write(engine) as conn:
            hashed = address_hash("sms", PHONE)
            assert lift_opt_out(conn, address_hash=hashed, channel="sms", now=clock.now(), by="START") == 1
        assert standing(engine) == []
        assert ban(engine, hasher, clock)
        assert standing(engine) == [("all", "opt_out")]
        with read(engine) as conn:
            assert [row.lifted_by for row in suppression_history(conn, hashed)] == ["START", None]

    def test_refuses_words_that_mean_nothing(self, engine, hasher, clock) -> None:
        """A scope the policy does not know would silence nobody."""
        with pytest.raises(ValueError, match="everything"):
            ban(engine, hasher, clock, scope="everything")

    def test_tells_channels_apart(self, engine, hasher, clock) -> None:
        """An e-mail ban leaves the phone alone."""
        ban(engine, hasher, clock, channel="email", address="Wang@example.com")
        both = [("sms", PHONE), ("email", "wang@example.com")]
        assert standing(engine, *both) == [("all", "opt_out")]
        assert standing(engine, *both, channel="sms") == []


class TestLiftOptOut:
    @pytest.mark.parametrize("reason", [reason for reason in SuppressionReason if reason != "opt_out"])
    def test_leaves_every_other_reason_standing(self, engine, hasher, clock, reason) -> None:
        """START does not revive a dead number nor settle a complaint."""
        ban(engine, hasher, clock)
        ban(engine, hasher, clock, reason=reason)
        with write(engine) as conn:
            hashed = address_hash("sms", PHONE)
            assert lift_opt_out(conn, address_hash=hashed, channel="sms", now=clock.now(), by="START") == 1
            assert lift_opt_out(conn, address_hash=hashed, channel="sms", now=clock.now(), by="START") == 0
        assert standing(engine) == [("all", reason)]


class TestLiftSuppression:
    def test_ends_any_ban_by_hand_and_keeps_who_did_it(self, engine, hasher, clock) -> None:
        """The row stays with the hand that lifted it; lifting twice does nothing."""
        ban(engine, hasher, clock, reason="hard_bounce")
        clock.advance(timedelta(hours=1))
        with write(engine) as conn:
            (one,) = active_suppressions(conn, [address_hash("sms", PHONE)])
            assert lift_suppression(conn, one.id, now=clock.now(), by="clerk 7")
            assert not lift_suppression(conn, one.id, now=clock.now(), by="clerk 8")
            (row,) = suppression_history(conn, address_hash("sms", PHONE))
        assert (row.lifted_by, row.lifted_at) == ("clerk 7", clock.now())


class TestSuppressionScope:
    @pytest.mark.parametrize("scope", list(SuppressionScope))
    def test_never_silences_a_reply(self, scope) -> None:
        """Who asks is answered."""
        assert Purpose.REPLY not in scope.silenced

    def test_of_marketing_leaves_what_is_owed(self) -> None:
        """Notices and surveys go on after an opt-out from marketing."""
        assert SuppressionScope.MARKETING.silenced == {Purpose.OFFER, Purpose.GREETING}
        assert SuppressionScope.MARKETING_AND_SURVEY.silenced == {Purpose.OFFER, Purpose.GREETING, Purpose.SURVEY}
        assert Purpose.SERVICE in SuppressionScope.ALL.silenced
