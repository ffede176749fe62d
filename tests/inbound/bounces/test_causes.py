"""What once made an address dead that lives, or kept a dead one: each cause in the words of no particular mail."""

import pytest

from care.inbound.bounces.classify import Diagnosis, classify
from care.inbound.bounces.model import Kind
from care.inbound.bounces.read import read_bounce
from tests.inbound.bounces.dialects import LETTERS, report, words

CUSTOMER = "chen.hua@customer.example"
AT_RCPT = "(in reply to RCPT TO command)"
AT_DATA = "(in reply to end of DATA command)"


def said(text: str, *, status: str = "", stage: str = AT_RCPT) -> Kind:
    return classify(Diagnosis(text=text, status=status, stage=stage)).kind


class TestRelayThatMakesCodes:
    """Some relays make 5.1.1 of each 550, and "User unknown" with it, whatever the server said."""

    @pytest.mark.parametrize(("reply", "status"), [("550", "5.1.1"), ("551", "5.1.6"), ("553", "5.1.3")])
    @pytest.mark.parametrize("answer", ["go away", "rejected", "we had a bad day"])
    def test_makes_nobody_dead(self, reply: str, status: str, answer: str) -> None:
        """The status repeats the reply and tells nothing more; so does the relay's own line."""
        letter = LETTERS["sendmail"].format(address=CUSTOMER, answer=f"{reply} {answer}")
        letter += f"{reply} {status} <{CUSTOMER}>... User unknown\n"
        found = read_bounce(report(CUSTOMER, status=status, diagnosis=f"{reply} {answer}", letter=letter)).first
        assert (found.recipient, found.kind) == (CUSTOMER, Kind.SOFT)

    def test_leaves_a_clear_word_clear(self) -> None:
        """The server's own words still count."""
        letter = LETTERS["sendmail"].format(address=CUSTOMER, answer="550 no such user here")
        mail = report(CUSTOMER, status="5.1.1", diagnosis="550 no such user here", letter=letter)
        assert read_bounce(mail).first.kind is Kind.HARD

    @pytest.mark.parametrize("diagnosis", ["550 5.1.1 rejected", "not given"])
    def test_is_not_every_report(self, diagnosis: str) -> None:
        """A code of the server's own counts, and so does a status that no reply explains."""
        assert said(diagnosis, status="5.1.1") is Kind.HARD

    def test_is_looked_through_where_it_quotes(self) -> None:
        """A relay that puts words of its own before what the server said."""
        assert said("5.1.0 - Unknown address error 550-'5.7.1 access denied'", stage="") is Kind.SOFT
        assert said("5.1.0 - Unknown address error 550-'no such user'", stage="") is Kind.HARD


class TestPipeline:
    def test_answers_of_recipients_come_after_data(self) -> None:
        """Commands sent together: the log shows DATA, the answer is about the recipient, and then nobody is left."""
        log = ">>> DATA\n<<< 550 5.5.0 Unknown user\n<<< 503 5.5.1 Need RCPT (recipient)"
        assert said("550 5.5.0 Unknown user", stage=log) is Kind.HARD
        assert said("550 5.5.0 Unknown user", stage=">>> DATA\n<<< 550 5.5.0 Unknown user") is Kind.SOFT


class TestLateLook:
    @pytest.mark.parametrize(
        "answer",
        [
            "554 delivery error: dd This user doesn't have a mail.example account",
            "552 1 Requested mail action aborted, mailbox not found",
        ],
    )
    def test_is_believed_of_those_who_look_late(self, answer: str) -> None:
        """Some providers look for the mailbox only once they have the mail."""
        assert said(answer, stage=AT_DATA) is Kind.HARD


class TestLiving:
    @pytest.mark.parametrize(
        "answer",
        [
            "550 Mailbox unavailable or access denied",  # too many mails of ours
            "550 Domain frequency limited",
            "550 mailbox currently unavailable",
            "550 5.7.1 mailbox unavailable",
            "552 mailbox unavailable",
            "550 5.7.510 customer.example does not accept email over IPv6",
            "550 We do not accept mail from your server",
            "550 5.5.4 Invalid domain name",
            "550 Your hostname could not be found in DNS",
            "550 From domain does not exist",
            "550 5.1.1 Possible forgery",
            "550 Too many unknown users from you",
            "550 this is not a gateway for customer.example",
            "551 auth error",
            "556 remote ip check error",
            "501 Bad address syntax",
            "550 mailbox is not accepting mail",
            "550 Sie haben zu viele Mails auf dem Server",
        ],
    )
    def test_is_never_hard(self, answer: str) -> None:
        """About us, our server, the moment or the room left: the customer reads on."""
        assert said(answer) is Kind.SOFT


class TestDead:
    @pytest.mark.parametrize(
        "answer",
        [
            "550 no such mail drop here",
            "550 User is not a member of domain customer.example",
            "550 we do not know: server doesn't handle mail for that user",
            "550 unable to find alias",
            "550 account does no exist",
            "550 unavailable mail user",
            "550 no longer an employee",
            "550 Destinatario errato",
            "550 this address no longer accepts mail",
            "501 bad recipient address syntax",
        ],
    )
    def test_is_found(self, answer: str) -> None:
        """Clear words, said about the recipient."""
        assert said(answer) is Kind.HARD


class TestLettersOfOthers:
    def test_of_a_mailing_list_are_no_bounces(self) -> None:
        """Lists send from such addresses; what their members write about errors is nobody's failure."""
        mail = words(
            f"The build failed again: 550 5.1.1 {CUSTOMER} user unknown. Who can help?",
            sender="dev-bounces@lists.example",
            subject="Re: undelivered mail",
            List_Id="<dev.lists.example>",
            Return_Path="<dev-bounces@lists.example>",
        )
        assert read_bounce(mail).failures == ()

    def test_of_a_shop_are_no_bounces(self) -> None:
        """Robots with a name like a mail system's need more than their name."""
        mail = words(f"Somebody changed the ticket of {CUSTOMER}.", sender="noreply@shop.example", subject="Ticket 5")
        assert read_bounce(mail).failures == ()
        refused = words(
            f"<{CUSTOMER}>: 550 5.1.1 user unknown", sender="noreply@shop.example", subject="Delivery failed"
        )
        assert read_bounce(refused).first.kind is Kind.HARD

    def test_of_a_reader_are_no_bounces(self) -> None:
        """A read receipt whose parts cannot be told apart."""
        mail = b"\n".join(
            [
                b"From: Chen <chen.hua@customer.example>",
                b"Subject: Disposition notification",
                b"Content-Type: multipart/report; report-type=disposition-notification",
                b"",
                b"Final-Recipient: rfc822; chen.hua@customer.example",
                b"Status: displayed",
                b"",
            ]
        )
        assert read_bounce(mail).failures == ()


class TestDirectories:
    @pytest.mark.parametrize(
        ("language", "letter"),
        [
            ("ja", "社員名 はディレクトリには見つかりません"),
            ("ja", "ディレクトリのリストにありません"),
            ("de", "Benutzer nicht im Domino-Verzeichnis aufgeführt"),
            ("fr", "L'utilisateur ne figure pas dans l'annuaire Domino"),
            ("zh-hant", "目錄中找不到此人"),
        ],
    )
    def test_of_one_system_speak_the_language_of_the_office(self, language: str, letter: str) -> None:
        """No code, no dialogue: the system itself looked and found nobody."""
        mail = report(
            CUSTOMER, diagnosis=letter, letter=f"Your message was not delivered to {CUSTOMER} because:\n{letter}\n"
        )
        assert read_bounce(mail).first.kind is Kind.HARD, language


class TestCarefulWords:
    def test_no_such_user_at_the_recipient_counts_with_any_code(self) -> None:
        """5.7.1 is what some servers put before everything; later than that it is filtering."""
        assert said("550 5.7.1 Nonexistent user") is Kind.HARD
        assert said("550 5.7.1 Nonexistent user", stage="does not like recipient.") is Kind.HARD
        assert said("550 5.7.1 Nonexistent user", stage="") is Kind.SOFT
        assert said("550 5.7.1 Nonexistent user", stage=AT_DATA) is Kind.SOFT

    def test_of_an_unavailable_account_are_in_doubt(self) -> None:
        """Gone or switched off, nobody says."""
        assert said("550 user account is unavailable") is Kind.SOFT

    def test_to_verify_the_address_are_no_challenge_beside_a_refusal(self) -> None:
        """A robot that asks senders to prove themselves refuses nothing."""
        letter = f"<{CUSTOMER}>: 550 5.1.1 This is no valid address. Please verify that you have the right one."
        assert read_bounce(words(letter)).first.kind is Kind.HARD
        assert read_bounce(words(f"Please verify that you wrote to {CUSTOMER}.")).failures == ()

    def test_of_one_provider_are_believed_after_the_content(self) -> None:
        """It looks for the mailbox late, and says so in its own words."""
        answer = "550 Message was not accepted -- invalid mailbox. Local mailbox x is unavailable: user not found"
        assert said(answer, stage=AT_DATA) is Kind.HARD
        assert said(answer.replace("user not found", "account is disabled"), stage=AT_DATA) is Kind.SOFT
