"""What is read from mails that came back: in every dialect the same."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.delivery.channels.base import Retry, Suppress
from care.delivery.channels.errors import classify_receipt
from care.inbound.bounces.classify import UNCLEAR, Diagnosis, classify, reason_rows
from care.inbound.bounces.model import Finding, Kind, Reading
from care.inbound.bounces.read import read_bounce
from tests.inbound.bounces.dialects import LETTERS, feedback, many, report, words

ADDRESS = "wang.xiaoming@customer.example"
PARTS = st.from_regex(r"[a-z][a-z0-9]{0,12}([._-][a-z0-9]{1,8}){0,2}", fullmatch=True)


@dataclass(frozen=True)
class Answer:
    """What a server says, and what it means."""

    text: str
    kind: Kind
    reason: str


ANSWERS = [
    Answer("550 5.1.1 <{address}>... User unknown", Kind.HARD, "no-such-mailbox"),
    Answer("550 no such user here", Kind.HARD, "no-such-mailbox"),
    Answer("550 5.1.1 The email account that you tried to reach does not exist", Kind.HARD, "no-such-mailbox"),
    Answer("550 Unrouteable address", Kind.HARD, "no-such-domain"),
    Answer("553 5.1.2 Domain not found", Kind.HARD, "no-such-domain"),
    Answer("556 5.1.10 domain does not accept mail", Kind.HARD, "no-mail-domain"),
    Answer("551 5.1.6 recipient no longer on server", Kind.HARD, "moved"),
    Answer("552 5.2.2 Mailbox full", Kind.SOFT, "mailbox-full"),
    Answer("550 5.1.1 over quota", Kind.SOFT, "mailbox-full"),
    Answer("550 5.7.1 Message rejected as spam", Kind.SOFT, "spam"),
    Answer("554 5.7.1 Client host rejected: blocked using a list", Kind.SOFT, "blocked"),
    Answer("550 5.7.26 This mail is unauthenticated, DMARC policy", Kind.SOFT, "authentication"),
    Answer("554 5.7.1 Relay access denied", Kind.SOFT, "relay"),
    Answer("553 5.1.8 Domain of sender address does not exist", Kind.SOFT, "our-sender"),
    Answer("550 5.2.1 The account is disabled", Kind.SOFT, "suspended"),
    Answer("450 4.1.1 user unknown, try again later", Kind.SOFT, "slowed-down"),
    Answer("451 4.7.1 Greylisted", Kind.SOFT, "slowed-down"),
    Answer("504 Helo command rejected: Host not found", Kind.SOFT, "our-relay"),
    Answer("550 5.7.1 Sender verify failed: unknown user", Kind.SOFT, "our-sender"),
    Answer("552 5.3.4 Message too large", Kind.SOFT, "too-large"),
    Answer("550 we would rather not", Kind.SOFT, "unclear"),
]


def first(raw: bytes) -> Finding:
    return read_bounce(raw).first


class TestLetters:
    @pytest.mark.parametrize("dialect", LETTERS)
    @pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.text[:30])
    def test_mean_the_same_in_every_dialect(self, dialect: str, answer: Answer) -> None:
        """Six mail systems quote the same answer: the same recipient, the same verdict."""
        said = answer.text.format(address=ADDRESS)
        found = first(words(LETTERS[dialect].format(address=ADDRESS, answer=said)))

        assert (found.recipient, found.kind, found.reason) == (ADDRESS, answer.kind, answer.reason)

    @given(
        local=PARTS,
        domain=st.from_regex(r"[a-z][a-z0-9]{0,12}", fullmatch=True),
        dialect=st.sampled_from(sorted(LETTERS)),
    )
    def test_name_any_recipient(self, local: str, domain: str, dialect: str) -> None:
        """Whatever the address looks like."""
        address = f"{local}@{domain}.customer.example"
        found = first(words(LETTERS[dialect].format(address=address, answer="550 5.1.1 User unknown")))

        assert (found.recipient, found.kind) == (address, Kind.HARD)

    def test_are_believed_when_the_header_names_the_recipient(self) -> None:
        """X-Failed-Recipients, as Exim and Gmail write it."""
        text = f"Your message to {ADDRESS} was not delivered:\n550 5.1.1 no such user"
        found = first(words(text, subject="Delivery problem", X_Failed_Recipients=ADDRESS))

        assert (found.recipient, found.kind) == (ADDRESS, Kind.HARD)

    @pytest.mark.parametrize("other", ["Please contact info@customer.example", "Use info@customer.example instead"])
    def test_that_name_another_address_in_the_same_line_mean_the_first(self, other: str) -> None:
        """Whom to ask, or where he is now, comes after him."""
        found = first(words(f"{ADDRESS} is no longer in use. {other}."))

        assert (found.recipient, found.kind) == (ADDRESS, Kind.HARD)

    def test_after_the_content_are_filtering(self) -> None:
        """A server that took the recipient and then refused knows the user, whatever it says."""
        letter = LETTERS["postfix"].replace("RCPT TO command", "end of DATA command")
        found = first(words(letter.format(address=ADDRESS, answer="550 Unknown user")))

        assert (found.recipient, found.kind) == (ADDRESS, Kind.SOFT)

    def test_with_several_recipients_are_read_one_by_one(self) -> None:
        """Each address with its own answer."""
        text = (
            "Hi. This is the qmail-send program.\nI wasn't able to deliver to the following addresses.\n\n"
            "<a@one.example>:\nRemote host said: 550 5.1.1 no such user\n\n"
            "<b@two.example>:\nRemote host said: 552 5.2.2 mailbox full\n"
        )
        found = read_bounce(words(text)).failures

        assert [(each.recipient, each.kind) for each in found] == [
            ("a@one.example", Kind.HARD),
            ("b@two.example", Kind.SOFT),
        ]


class TestReports:
    @pytest.mark.parametrize("answer", [a for a in ANSWERS if " 5." in a.text], ids=lambda answer: answer.text[:30])
    def test_are_read_by_the_servers_own_words(self, answer: Answer) -> None:
        """The field Status says 5.0.0 for anything; the diagnosis knows."""
        found = first(report(ADDRESS, diagnosis=answer.text.format(address=ADDRESS)))

        assert (found.recipient, found.kind, found.reason) == (ADDRESS, answer.kind, answer.reason)

    def test_without_a_diagnosis_are_read_by_their_status(self) -> None:
        """5.1.1 alone is enough, 5.0.0 alone is not."""
        assert first(report(ADDRESS, status="5.1.1")).kind is Kind.HARD
        assert first(report(ADDRESS, status="5.0.0")).kind is Kind.SOFT

    @pytest.mark.parametrize("said", ['X-Supplementary-Info: <192.0.2.9 #5.0.0 smtp; 550 "Unknown User">', ""])
    def test_without_a_diagnosis_are_read_by_what_stands_in_its_place(self, said: str) -> None:
        """A field of a gateway, or a comment on the status."""
        status = "5.0.0" if said else "5.0.0 (user unknown)"
        raw = report(ADDRESS, status=status).replace(b"Action: failed", f"Action: failed\n{said or 'X-A: b'}".encode())

        assert first(raw).kind is Kind.HARD

    @pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
    def test_on_what_has_not_failed_are_no_bounces(self, action: str) -> None:
        """Only `failed` is a failure, whatever else stands there."""
        found = read_bounce(report(ADDRESS, action=action, status="4.4.1", diagnosis="550 5.1.1 user unknown"))

        assert found.failures == ()
        assert (found.first.kind, found.first.recipient) == (Kind.NONE, ADDRESS)

    def test_on_several_recipients_name_all(self) -> None:
        """The first that failed is the one to print; the others are there."""
        raw = many(
            [
                ("a@x.example", "delivered", "2.0.0", "250 ok"),
                ("b@x.example", "failed", "5.2.2", "552 mailbox full"),
                ("c@x.example", "failed", "5.1.1", "550 5.1.1 no such user"),
            ]
        )
        assert first(raw).recipient == "b@x.example"
        assert [each.kind for each in read_bounce(raw).findings] == [Kind.NONE, Kind.SOFT, Kind.HARD]

    def test_keep_the_address_we_wrote_to(self) -> None:
        """A redirected mail names both."""
        found = first(report("new@else.example", original=ADDRESS, status="5.1.1"))

        assert (found.recipient, found.original) == ("new@else.example", ADDRESS)

    def test_are_read_with_a_boundary_that_never_comes(self) -> None:
        """Some systems garble their own MIME."""
        raw = report(ADDRESS, status="5.1.1").replace(b'boundary="', b'boundary="not-', 1)

        assert (first(raw).recipient, first(raw).kind) == (ADDRESS, Kind.HARD)

    @pytest.mark.parametrize("charset", ["x-unknown", "utf-7-imap", "base64", "\x00", "iso-2022-jp"])
    def test_are_read_in_whatever_charset_they_claim(self, charset: str) -> None:
        """A name that no codec has is no reason to lose a bounce."""
        raw = report(ADDRESS, status="5.1.1").replace(b"utf-8", charset.encode())

        assert first(raw).kind is Kind.HARD


NO_BOUNCES = {
    "vacation": words(
        "I am away until May. 550 5.1.1", sender="wang@example.net", subject="Out of office: Re: Greetings"
    ),
    "chinese vacation": words("我在休假", sender="wang@example.net", subject="自动回复: 生日快乐"),
    "marked vacation": words("Back on 5 May", sender="a@b.example", subject="Greetings", Auto_Submitted="auto-replied"),
    "ordinary": words(
        "Thank you! My old address me@old.example is unknown.", sender="a@b.example", subject="Re: Greetings"
    ),
    "delayed": words("This is a warning message only. Delivery to a@b.example has been delayed.", subject="Warning"),
    "delivered": words("Your message was successfully delivered to a@b.example", subject="Delivery report"),
    "challenge": words("Please confirm that you are a person", subject="Delivery: confirm your mail"),
    "not a mail": b"no header at all, a@b.example 550 5.1.1 user unknown",
    "empty": b"",
}


class TestOtherMails:
    @pytest.mark.parametrize("name", NO_BOUNCES)
    def test_are_no_bounces(self, name: str) -> None:
        """Automatic replies, notices and letters lead to nothing."""
        found = read_bounce(NO_BOUNCES[name])

        assert found.first.kind is Kind.NONE
        assert not found.is_complaint
        assert found.first.reason

    @pytest.mark.parametrize(
        ("kind", "complains"), [("abuse", True), ("opt-out", True), ("not-spam", False), ("auth-failure", False)]
    )
    def test_may_be_complaints(self, kind: str, complains: bool) -> None:
        """A feedback report is no bounce; some kinds of it are complaints."""
        found = read_bounce(feedback(kind=kind, recipient=ADDRESS))

        assert (found.first.kind, found.first.recipient, found.is_complaint) == (Kind.NONE, ADDRESS, complains)


class TestTable:
    def test_stands_on_codes_that_mean_the_same(self) -> None:
        """A hard reason has a code that suppresses at once; no soft one has."""
        for row in reason_rows():
            suppresses = classify_receipt(row.code).suppress is Suppress.NUMBER
            assert suppresses == (row.kind in ("hard", "at-rcpt", "even-late") or row.code == "5.1.1"), row

    def test_never_leads_to_a_second_mail(self) -> None:
        """A delay that was misread as a failure must not send twice: no reason is tried again on the same channel."""
        codes = {UNCLEAR.error_code, "5.1.0", *(row.code for row in reason_rows())}
        again = {code for code in codes if classify_receipt(code).retry not in (Retry.NEVER, Retry.OTHER_CHANNEL)}
        assert again == set()

    @given(text=st.text(max_size=200), status=st.sampled_from(["", "4.0.0", "4.4.1", "4.2.2"]))
    def test_never_makes_a_refusal_for_now_hard(self, text: str, status: str) -> None:
        """A reply 4xx stays soft, whatever words follow."""
        verdict = classify(Diagnosis(text=f"450 4.2.0 user unknown {text}", status=status, stage="in reply to RCPT TO"))
        assert verdict.kind is Kind.SOFT


PIECES = st.sampled_from(
    [
        *(
            b"From: MAILER-DAEMON@x\n",
            b"Subject: failure notice\n",
            b"\n",
            b"\r\n\r\n",
            b"--b\n",
            b"--b--\n",
            b"\x00\xff\xfe",
        ),
        *(
            b"Content-Type: multipart/report; boundary=b\n\n",
            b"Content-Type: message/rfc822\n\n",
            b"a@b.example 550 5.1.1\n",
        ),
        *(b"Content-Type: message/delivery-status\n\n", b"Final-Recipient: rfc822; a@b.example\n", b"Action: failed\n"),
        *(
            b"Content-Transfer-Encoding: base64\n",
            b"Content-Transfer-Encoding: quoted-printable\n",
            b"=?utf-8?b?////?= ",
            b"=3D=",
        ),
        *(
            b"Diagnostic-Code: smtp; 550 5.1.1 user unknown\n",
            b" folded\n",
            b"Status: 5.1.1 (x)\n",
            b"<",
            b"@",
            b'boundary="',
            b"\x1b$B",
        ),
    ]
)


class TestHostileMails:
    @settings(max_examples=300)
    @given(st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=40))
    def test_are_always_read(self, pieces: list[bytes]) -> None:
        """Any order of the parts of a bounce, and binary junk: an answer, never an error."""
        found = read_bounce(b"".join(pieces))

        assert isinstance(found, Reading)
        assert all("\n" not in each.recipient for each in found.findings)

    @pytest.mark.parametrize(
        "raw",
        [
            b"From: MAILER-DAEMON@x\n\n" + b"<a@b.example>: 550 5.1.1 user unknown\n" * 1_300_000,
            b"From: MAILER-DAEMON@x\n"
            + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3_000)),
            b"From: MAILER-DAEMON@x\n" + b"Content-Type: message/rfc822\n\n" * 20_000,
            b"From: MAILER-DAEMON@x\n" + b"X-Bomb: 1\n" * 100_000,
            b"From: MAILER-DAEMON@x\nX-Fold: 1\n" + b" 2\n" * 200_000,
            b"From: MAILER-DAEMON@x\n\n" + b"a@" * 300_000,
            b'From: MAILER-DAEMON@x\nContent-Type: multipart/mixed; boundary="' + b';"' * 200_000,
        ],
        ids=["50 MB", "deep", "mails in mails", "headers", "folds", "one line", "quotes"],
    )
    @pytest.mark.timeout(30)
    def test_take_little_time(self, raw: bytes) -> None:
        """Large, deep and endless mails end in the time limit of the test."""
        assert isinstance(read_bounce(raw), Reading)
