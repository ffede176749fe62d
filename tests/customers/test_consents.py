"""Words about consent: all are kept, the latest counts, an import cannot talk a customer back in."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from care.base.database import open_engine, read, write
from care.customers.consents import consents_now, import_consent, record_consent
from care.customers.model import ConsentOutcome
from care.customers.tables import consent, consent_now, customer, suppression
from tests.customers.conftest import everything
from tests.factories import make_customer, make_suppression

NOON = datetime(2026, 5, 1, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


def word(conn, customer_id, *, given, at=NOON, say=record_consent):
    return say(
        conn, customer_id=customer_id, purpose="greeting", channel="sms", given=given, at=at, source="shop",
        wording="I agree", now=NOON + 10 * HOUR,
    )  # fmt: skip


def current(engine, customer_id):
    with read(engine) as conn:
        return [(row.given, row.at) for row in consents_now(conn, customer_id)]


class TestRecordConsent:
    def test_lets_the_latest_word_count_in_whatever_order_they_come(self, engine) -> None:
        """A word that arrives late is history."""
        with write(engine) as conn:
            me = make_customer(conn)
            assert word(conn, me, given=True) is ConsentOutcome.RECORDED
            assert word(conn, me, given=False, at=NOON + HOUR) is ConsentOutcome.RECORDED
            assert word(conn, me, given=True, at=NOON - HOUR) is ConsentOutcome.KEPT
            assert word(conn, me, given=True, at=NOON - HOUR) is ConsentOutcome.KNOWN
        assert current(engine, me) == [(False, NOON + HOUR)]

    def test_lets_a_withdrawal_win_over_a_consent_of_the_same_instant(self, engine) -> None:
        """When in doubt, silence."""
        with write(engine) as conn:
            me = make_customer(conn)
            word(conn, me, given=True)
            assert word(conn, me, given=False) is ConsentOutcome.RECORDED
            assert word(conn, me, given=True) is ConsentOutcome.KNOWN
            assert word(conn, me, given=True, say=import_consent) is ConsentOutcome.REFUSED
        assert current(engine, me) == [(False, NOON)]

    @given(st.permutations([(True, 0), (False, 1), (True, 2), (False, 2), (True, 1)]))
    def test_ends_the_same_in_every_order(self, words) -> None:
        """Files and webhooks may overtake each other."""
        engine = open_engine("sqlite://")
        with write(engine) as conn:
            for table in (customer, consent, consent_now):
                table.create(conn)
            conn.execute(
                sa.insert(customer).values(
                    id=1, external_id="C1", country="CN", draw=1, attributes={}, created_at=NOON, updated_at=NOON
                )
            )
            for is_given, hours in words:
                word(conn, 1, given=is_given, at=NOON + hours * HOUR)
            assert [(row.given, row.at) for row in consents_now(conn, 1)] == [(False, NOON + 2 * HOUR)]
        engine.dispose()


class TestImportConsent:
    def test_refuses_a_consent_that_is_not_later_than_a_withdrawal(self, engine) -> None:
        """Old lists do not bring anyone back; a later consent does."""
        with write(engine) as conn:
            me = make_customer(conn)
            word(conn, me, given=False)
            assert word(conn, me, given=True, at=NOON - HOUR, say=import_consent) is ConsentOutcome.REFUSED
            assert word(conn, me, given=True, at=NOON, say=import_consent) is ConsentOutcome.REFUSED
            assert word(conn, me, given=True, at=NOON + HOUR, say=import_consent) is ConsentOutcome.RECORDED
        assert current(engine, me) == [(True, NOON + HOUR)]


HEADER = "customer,purpose,channel,given,at,source,wording"


class TestConsentImport:
    def people(self, engine):
        with write(engine) as conn:
            return make_customer(conn, external_id="C1", phone="+8613812345678", email="a@example.com")

    def test_takes_a_withdrawal_of_today(self, engine, import_rows) -> None:
        """Its day has begun, though its end is to come; tomorrow's is of the future."""
        self.people(engine)
        rows = (f"C1,greeting,sms,false,2026-09-{day},," for day in (25, 26))

        report = import_rows("consents", HEADER, *rows)

        assert (report.added, report.rejected) == (1, 1)

    def test_records_words_with_their_proof(self, engine, import_rows) -> None:
        """A day alone takes its start in the operator's zone for a consent, its end for a withdrawal."""
        me = self.people(engine)
        report = import_rows(
            "consents",
            HEADER,
            "C1,greeting,sms,true,2026-05-01T12:00:00+08:00,shop,I agree",
            "C1,offer,sms,true,2026-05-01,shop,I agree",
            "C1,survey,email,false,2026-05-01,,",
            "C1,service,email,yes,2026-05-01 10:00,web,I agree",
        )
        assert (report.added, report.rejected) == (4, 0)
        with read(engine) as conn:
            words = {(row.purpose, row.channel): (row.given, row.at) for row in consents_now(conn, me)}
        assert words == {
            ("greeting", "sms"): (True, datetime(2026, 5, 1, 4, tzinfo=UTC)),
            ("offer", "sms"): (True, datetime(2026, 4, 30, 16, tzinfo=UTC)),
            ("survey", "email"): (False, datetime(2026, 5, 1, 16, tzinfo=UTC)),
            ("service", "email"): (True, datetime(2026, 5, 1, 2, tzinfo=UTC)),
        }

    def test_changes_nothing_the_second_time(self, engine, import_rows) -> None:
        """Known words are not written again, wherever they stand in the file."""
        self.people(engine)
        rows = [
            "C1,greeting,sms,true,2026-05-03,shop,I agree",
            "C1,greeting,sms,false,2026-05-01,shop,",
            "C1,greeting,sms,true,2026-05-03,shop,I agree",
        ]
        first = import_rows("consents", HEADER, *rows)
        assert (first.added, first.unchanged) == (2, 1)
        before = everything(engine, [consent, consent_now])
        again = import_rows("consents", HEADER, *rows)
        assert (again.added, again.unchanged, again.rejected) == (0, 3, 0)
        assert everything(engine, [consent, consent_now]) == before

    @pytest.mark.parametrize(
        ("row", "column", "reason"),
        [
            ("C9,greeting,sms,true,2026-05-01,shop,I agree", "customer", "not known"),
            (",greeting,sms,true,2026-05-01,shop,I agree", "customer", "missing"),
            ("C1,emergency,sms,true,2026-05-01,shop,I agree", "purpose", "none of"),
            ("C1,greeting,fax,true,2026-05-01,shop,I agree", "channel", "none of"),
            ("C1,greeting,sms,,2026-05-01,shop,I agree", "given", "missing"),
            ("C1,greeting,sms,true,,shop,I agree", "at", "missing"),
            ("C1,greeting,sms,true,2026-02-30,shop,I agree", "at", "does not exist"),
            ("C1,greeting,sms,true,2026-02-30T10:00,shop,I agree", "at", "no time"),
            ("C1,greeting,sms,true,2027-01-01,shop,I agree", "at", "future"),
            ("C1,greeting,sms,true,2026-05-02,,I agree", "source", "missing"),
            ("C1,greeting,sms,true,2026-05-02,shop,", "wording", "missing"),
            ("C1,greeting,sms,true,2026-04-30T10:00,shop,I agree", "at", "not later than a withdrawal"),
            ("C1,survey,sms,true,2026-04-30T10:00,shop,I agree", "at", "not later than a withdrawal"),
        ],
    )
    def test_refuses(self, engine, import_rows, row, column, reason) -> None:
        """A consent without proof, or one an earlier STOP or withdrawal forbids."""
        me = self.people(engine)
        with write(engine) as conn:
            word(conn, me, given=False)
            make_suppression(conn, address="+8613812345678", at=NOON)
        before = everything(engine, [consent, consent_now, suppression])
        report = import_rows("consents", HEADER, row)
        assert report.rejected == 1
        assert report.refusals[0].column == column
        assert reason in report.refusals[0].reason
        assert everything(engine, [consent, consent_now, suppression]) == before

    def test_lifts_no_ban_even_with_a_later_consent(self, engine, import_rows) -> None:
        """The consent is on record; the ban stands until its owner or a clerk lifts it."""
        self.people(engine)
        with write(engine) as conn:
            make_suppression(conn, address="+8613812345678", at=NOON)
        before = everything(engine, [suppression])
        assert import_rows("consents", HEADER, "C1,greeting,sms,true,2026-06-01,shop,I agree").added == 1
        assert everything(engine, [suppression]) == before
