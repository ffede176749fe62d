"""What returned mails lead to: the message, the address, and nothing for anybody else."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.bootstrap import Services
from care.customers.suppressions import lift_suppression
from care.customers.tables import suppression
from care.delivery.mail_ids import MailIds
from care.inbound.ingest import store_mails
from care.inbound.worker import work_inbox
from care.messages.tables import attempt, receipt
from tests.inbound.bounces.dialects import feedback, many, report, words
from tests.inbound.bounces.post import ADDRESS, attempt_of, bans, ingest, kept, rows, send_mail, status_of, traces

UNKNOWN = "550 5.1.1 user unknown"
FULL = "552 5.2.2 mailbox full"
DEAD = [("hard_bounce", "all")]


class TestHardBounces:
    def test_end_the_message_and_ban_the_address(self, services: Services) -> None:
        """One is enough; the customer's own words are not kept."""
        sent = send_mail(services)
        ingest(services, report(ADDRESS, diagnosis=UNKNOWN, to=sent.return_path))

        assert status_of(services, sent) == "undelivered"
        assert bans(services) == DEAD
        assert rows(services, attempt)[0].error_code == "5.1.1"
        (row,) = kept(services)
        assert row.done_at is not None
        assert row.problem is None
        assert "customer.example" not in str(row.payload)

    def test_twice_change_nothing(self, services: Services) -> None:
        """The same bytes, and the same bounce over another way."""
        sent = send_mail(services)
        mail = report(ADDRESS, diagnosis=UNKNOWN, to=sent.return_path)
        assert ingest(services, mail, mail) == 1
        before = traces(services)

        assert ingest(services, mail) == 0
        assert ingest(services, b"Received: by another\n" + mail) == 1
        assert traces(services) == before

    def test_stay_lifted(self, services: Services) -> None:
        """What ops has undone is not done again by a copy of the same bounce."""
        sent = send_mail(services)
        mail = report(ADDRESS, diagnosis=UNKNOWN, to=sent.return_path)
        ingest(services, mail)
        with write(services.engine) as conn:
            (ban,) = conn.execute(sa.select(suppression.c.id)).scalars()
            lift_suppression(conn, ban, now=services.clock.now(), by="ops")
        ingest(services, b"Received: again\n" + mail)

        assert bans(services) == []

    def test_ban_though_the_message_was_thought_delivered(self, services: Services) -> None:
        """A late `delivered` keeps the message; the address is dead all the same."""
        sent = send_mail(services, status="delivered", delivered_at=services.clock.now())
        ingest(services, report(ADDRESS, diagnosis=UNKNOWN, to=sent.return_path))

        assert status_of(services, sent) == "delivered"
        assert bans(services) == DEAD

    def test_are_found_by_the_returned_message_id(self, services: Services) -> None:
        """Where the return path was lost on the way."""
        sent = send_mail(services)
        ingest(services, report(ADDRESS, diagnosis=UNKNOWN, to="care@example.com", returned=sent.returned))

        assert status_of(services, sent) == "undelivered"
        assert bans(services) == DEAD

    def test_are_found_though_a_server_folds_case(self, services: Services) -> None:
        """Capital letters in the return path are the same address."""
        sent = send_mail(services)
        ingest(services, report(ADDRESS.upper(), diagnosis=UNKNOWN, to=sent.return_path.upper()))

        assert bans(services) == DEAD

    def test_leave_a_later_attempt_alone(self, services: Services) -> None:
        """The message is on another way already: the address is banned, the message goes on."""
        sent = send_mail(services)
        with write(services.engine) as conn:
            attempt_of(services, conn, sent.message_id, "other@customer.example", n=2)
        ingest(services, report(ADDRESS, diagnosis=UNKNOWN, to=sent.return_path))

        assert status_of(services, sent) == "sent"
        assert bans(services) == DEAD


class TestSeveralRecipients:
    def test_are_told_apart(self, services: Services) -> None:
        """What is said about others is not said about ours."""
        sent = send_mail(services)
        groups = [("a@x.example", "failed", "5.1.1", UNKNOWN), (ADDRESS, "failed", "5.2.2", FULL)]
        ingest(services, many(groups, to=sent.return_path))

        assert status_of(services, sent) == "undelivered"
        assert bans(services) == []

    @pytest.mark.parametrize(
        ("second", "banned"), [(UNKNOWN, DEAD), (FULL, [])], ids=["all gone", "one of them only full"]
    )
    def test_behind_a_redirection_count_together(self, services: Services, second: str, banned: list[object]) -> None:
        """The mildest word counts for the address that stands for them."""
        sent = send_mail(services)
        groups = [("a@x.example", "failed", "5.0.0", UNKNOWN), ("b@x.example", "failed", "5.0.0", second)]
        ingest(services, many(groups, to=sent.return_path))

        assert bans(services) == banned

    def test_of_which_one_was_reached_do_no_harm(self, services: Services) -> None:
        """A list behind the address delivered to somebody."""
        sent = send_mail(services)
        groups = [("a@x.example", "failed", "5.1.1", UNKNOWN), ("b@x.example", "delivered", "2.0.0", "250 ok")]
        ingest(services, many(groups, to=sent.return_path))

        assert (status_of(services, sent), bans(services)) == ("sent", [])


class TestSoftBounces:
    def test_ban_after_three_messages_in_a_row(self, services: Services) -> None:
        """Two full mailboxes are nothing, the third in a fortnight is."""
        for number in range(3):
            assert bans(services) == []
            sent = send_mail(services)
            ingest(services, report(ADDRESS, diagnosis=FULL, to=sent.return_path))
            services.clock.advance(timedelta(days=number + 1))
        assert bans(services) == DEAD

    def test_of_one_message_count_once(self, services: Services) -> None:
        """Three tries of one mail in an hour say nothing about the mailbox."""
        sent = send_mail(services)
        with write(services.engine) as conn:
            later = [attempt_of(services, conn, sent.message_id, ADDRESS, n=n) for n in (2, 3)]
        for each in (sent, *later):
            ingest(services, report(ADDRESS, diagnosis=FULL, to=each.return_path))

        assert bans(services) == []

    def test_about_us_never_ban(self, services: Services) -> None:
        """Spam filters and block lists speak of the sender."""
        for _ in range(5):
            sent = send_mail(services)
            ingest(services, report(ADDRESS, diagnosis="554 5.7.1 blocked as spam", to=sent.return_path))

        assert bans(services) == []


class TestComplaints:
    @pytest.mark.parametrize(("purpose", "scope"), [("greeting", "marketing"), ("survey", "marketing_and_survey")])
    def test_silence_as_an_opt_out_does(self, services: Services, purpose: str, scope: str) -> None:
        """No more greetings and offers; service notices still go out. The message stays as it is."""
        sent = send_mail(services, purpose=purpose)
        ingest(services, feedback(returned=sent.returned), feedback(returned=sent.returned, to="x@example.com"))

        assert bans(services) == [("complaint", scope)]
        assert status_of(services, sent) == "sent"

    def test_of_other_kinds_change_nothing(self, services: Services) -> None:
        """Not spam, says the recipient: that is no complaint."""
        sent = send_mail(services)
        ingest(services, feedback(kind="not-spam", returned=sent.returned))

        assert bans(services) == []


class TestForgeries:
    def test_change_nothing(self, services: Services) -> None:
        """Guessed numbers, another key, a plain address: kept with the problem, and that is all."""
        sent = send_mail(services)
        before = traces(services)
        forger = MailIds(b"a guess")
        paths = [
            forger.return_path(sent.attempt_id, "token", "bounce.example.com"),
            sent.return_path.replace("b+", "b+1"),
            sent.return_path.replace("b+", "b+9999999999999999"),
            "care@example.com",
        ]
        mails = [report(ADDRESS, diagnosis=UNKNOWN, to=path) for path in paths]
        ref = f"Message-ID: {forger.message_ref(sent.message_id, 'date:1', 'example.com')}\n\n"
        ingest(
            services,
            *mails,
            report(ADDRESS, diagnosis=UNKNOWN, returned=ref),
            feedback(recipient=ADDRESS, returned=ref),
        )

        assert traces(services) == before
        assert {row.problem for row in kept(services)} == {"about no mail of ours"}

    @pytest.mark.parametrize("subject", ["Out of office: Re: Greetings", "Re: Greetings"])
    def test_by_quoting_do_nothing(self, services: Services, subject: str) -> None:
        """A reply or an automatic one carries our ids, too; it is no bounce."""
        sent = send_mail(services)
        text = f"My colleague's address is unknown: 550 5.1.1 user unknown\n\n{sent.returned}"
        ingest(services, words(text, sender=ADDRESS, subject=subject, Delivered_To=sent.return_path))

        assert (status_of(services, sent), bans(services), rows(services, receipt)) == ("sent", [], [])
        assert kept(services)[0].problem is None


class TestStoring:
    def test_outlives_trouble_with_the_work(self, services: Services) -> None:
        """A mail that is kept is worked on later, by whoever comes first."""
        sent = send_mail(services)
        assert store_mails(
            services.engine, [report(ADDRESS, diagnosis=UNKNOWN, to=sent.return_path)], now=services.clock.now()
        )
        assert bans(services) == []
        work_inbox(services.engine, services.inbound_rules, now=services.clock.now())
        assert bans(services) == DEAD
