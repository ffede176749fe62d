"""Who says "no such user", of whom, and when: some mean it, some say it of anything."""

import pytest

from care.inbound.bounces.model import Kind
from care.inbound.bounces.read import read_bounce
from tests.inbound.bounces.dialects import EXIM, POSTFIX, report, words

CUSTOMER = "wang@customer.example"
CARRIER = "wang@docomo.ne.jp"
QUOTED = "Could not deliver.\n\n{address}\nServer said: {answer}\n"


class TestQuotedAnswers:
    @pytest.mark.parametrize("answer", ["550 User unknown", "553 no such user here", "550 5.5.0 Unknown recipient"])
    def test_are_believed_without_a_word_of_when(self, answer: str) -> None:
        """Who refuses the content says so."""
        assert read_bounce(words(QUOTED.format(address=CUSTOMER, answer=answer))).first.kind is Kind.HARD
        assert read_bounce(report(CUSTOMER, diagnosis=answer)).first.kind is Kind.HARD

    @pytest.mark.parametrize(
        "answer",
        ["552 User unknown", "450 User unknown", "550 5.2.1 User unknown", "550 5.7.1 User unknown"],
    )
    def test_count_only_with_a_code_that_fits(self, answer: str) -> None:
        """Room, a policy, for now: the code takes the word away."""
        assert read_bounce(words(QUOTED.format(address=CUSTOMER, answer=answer))).first.kind is Kind.SOFT

    def test_need_no_quoting_in_a_whole_sentence(self) -> None:
        """Two bare words may come from anywhere; a sentence is somebody's own."""
        letter = "Not delivered: {a}\n\n{said}\n"
        whole = letter.format(a=CUSTOMER, said="We are sorry, but there is no inbox with that name.")
        assert read_bounce(words(whole)).first.kind is Kind.HARD
        assert read_bounce(words(letter.format(a=CUSTOMER, said="[no such inbox]"))).first.kind is Kind.SOFT

    def test_are_taken_back_by_a_disabled_account(self) -> None:
        """A system that says both does not know which."""
        letter = f"The account is disabled.\n\n<{CUSTOMER}>: 550 user unknown (in reply to RCPT TO command)\n"
        assert read_bounce(report(CUSTOMER, letter=letter)).first.kind is Kind.SOFT
        assert read_bounce(report(CUSTOMER, letter=letter[25:])).first.kind is Kind.HARD


class TestHearsay:
    @pytest.mark.parametrize("name", ["X-AHMAILID", "X-NAI-Header"])
    def test_of_a_filter_counts_as_an_answer_to_rcpt_only(self, name: str) -> None:
        """It calls unknown what it does not like."""
        header = {name.replace("-", "_"): "1"}
        plain = QUOTED.format(address=CUSTOMER, answer="550 User unknown")
        assert read_bounce(words(plain, **header)).first.kind is Kind.SOFT
        assert (
            read_bounce(words(EXIM.format(address=CUSTOMER, answer="550 User unknown"), **header)).first.kind
            is Kind.HARD
        )

    def test_of_a_carrier_counts_as_an_answer_to_rcpt_only(self) -> None:
        """Its users choose whom they hear, and the others are told that there is no such user."""
        assert read_bounce(words(QUOTED.format(address=CARRIER, answer="550 Unknown user"))).first.kind is Kind.SOFT
        assert read_bounce(report(CARRIER, status="5.3.0", diagnosis="550 5.0.0 Unknown user")).first.kind is Kind.SOFT
        assert read_bounce(words(POSTFIX.format(address=CARRIER, answer="550 Unknown user"))).first.kind is Kind.HARD


class TestSentences:
    @pytest.mark.parametrize(
        "letter",
        [
            "Ihre Nachricht an {a} kam zurück.\nwang wurde bei customer.example nicht gefunden.",
            "{a}\ncustomer.example で wang が見つかりませんでした。",
            "Sorry: {a} does not exist.",
            "Estimado remitente:\n\nEl buzón {a} no existe en nuestro servidor.",
        ],
    )
    def test_may_name_the_address_or_its_halves(self, letter: str) -> None:
        """The name, the domain and what is said of them, in any language."""
        assert read_bounce(words(letter.format(a=CUSTOMER))).first.kind is Kind.HARD

    @pytest.mark.parametrize(
        "said",
        [
            "the server of the recipient could not be found",
            "your address is not known to the recipient",
            "der Server des Empfängers ist unbekannt",
            "el usuario usa un certificado inválido",
            "contains invalid words",  # another language has "conta" for an account
        ],
    )
    def test_may_speak_of_another_thing(self, said: str) -> None:
        """A server, a certificate, the sender: the mailbox may live."""
        assert read_bounce(words(f"Not delivered to {CUSTOMER}\n\n{said}\n")).first.kind is Kind.SOFT


class TestReturnedMails:
    LETTER = "The destination mailbox does not exist on this system.\n\nYour original message is attached below.\n\n"

    @pytest.mark.parametrize(
        "copy",
        [
            f"> From: care@example.com\n> To: {CUSTOMER}\n> Subject: Greetings\n",
            f"Received: from care.example.com by mx.example.net\n\tfor <{CUSTOMER}>; Fri, 27 Nov 2026 10:00:00 +0000\n",
        ],
    )
    def test_tell_the_recipient_that_the_letter_keeps(self, copy: str) -> None:
        """Quoted, or only in the line of a relay."""
        found = read_bounce(words(self.LETTER + copy, sender="postmaster@customer.example")).first
        assert (found.recipient, found.kind) == (CUSTOMER, Kind.HARD)

    def test_are_no_reason_to_overlook_an_address(self) -> None:
        """A line that begins with it names it, whatever the line asks for."""
        found = read_bounce(words(f"<{CUSTOMER}>: host mx said: 550 suspended - please contact him directly\n")).first
        assert (found.recipient, found.kind) == (CUSTOMER, Kind.SOFT)

    def test_are_not_from_whom_they_name_first(self) -> None:
        """Who is greeted, or wrote, is nobody who failed."""
        letter = (
            f"Hello care@example.com\n\nThe mail from care@example.com to {CUSTOMER} was refused: 552 mailbox full\n"
        )
        found = read_bounce(words(letter)).failures
        assert [each.recipient for each in found] == [CUSTOMER]


class TestNoFailures:
    def test_come_of_a_list_whose_domain_is_called_like_a_mail_system(self) -> None:
        """Only a name before the @ tells what writes."""
        mail = words(
            f"Since today we see: 550 5.1.1 <{CUSTOMER}> User unknown. Anybody else?",
            sender="Tom via admins <admins@lists.mailadmins.example>",
            subject="Undeliverable?",
            List_Id="<admins.lists.mailadmins.example>",
        )
        assert read_bounce(mail).failures == ()

    @pytest.mark.parametrize(
        "letter",
        [
            f"There was a temporary problem with {CUSTOMER}. We will retry for 46 more hours, and tell you if it fails permanently.",
            f"Delivery to these recipients or groups is complete, but no delivery notification was sent:\n{CUSTOMER}",
        ],
    )
    def test_come_of_what_is_only_announced(self, letter: str) -> None:
        """What would happen if, and what was not sent beside."""
        assert read_bounce(words(letter)).failures == ()

    def test_are_made_of_a_delivery_that_did_not_succeed(self) -> None:
        """The words of success stand in both."""
        letter = f"Il messaggio non è stato consegnato correttamente a {CUSTOMER}: utente sconosciuto"
        assert read_bounce(words(letter)).first.kind is Kind.HARD
