"""A bounce means the same in whatever shape it comes; a trap leads to nobody else's address."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.inbound.bounces.model import Kind
from care.inbound.bounces.read import read_bounce
from tests.inbound.bounces.dialects import LETTERS, many, report, words
from tests.inbound.bounces.shapes import COPIES, ENCODINGS, FOLDS, ORDERS, Shape, shaped

ADDRESS = "chen.hua@customer.example"
VERP = "b+4711.k3v@bounce.example.com"


@dataclass(frozen=True)
class Answer:
    """What a server says in some language, the charset it may say it in, and what it means."""

    text: str
    charset: str
    kind: Kind


ANSWERS = [
    Answer("550 5.1.1 User unknown", "us-ascii", Kind.HARD),
    Answer("550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", "us-ascii", Kind.HARD),
    Answer("554 5.4.4 Domain name not found", "us-ascii", Kind.HARD),
    Answer("550 收件人邮箱不存在", "gb18030", Kind.HARD),
    Answer("550 收件者信箱不存在", "big5", Kind.HARD),
    Answer("550 宛先のメールアドレスが見つかりません", "iso-2022-jp", Kind.HARD),
    Answer("550 존재하지 않는 사용자입니다", "euc-kr", Kind.HARD),
    Answer("550 Такого пользователя нет", "koi8-r", Kind.HARD),
    Answer("550 Empfänger unbekannt", "iso-8859-1", Kind.HARD),
    Answer("550 La boîte aux lettres n'existe pas", "iso-8859-15", Kind.HARD),
    Answer("550 El buzón de correo no existe", "windows-1252", Kind.HARD),
    Answer("550 Konto nie istnieje", "iso-8859-2", Kind.HARD),
    Answer("552 5.2.2 邮箱空间不足", "gbk", Kind.SOFT),
    Answer("552 5.2.2 Das Postfach ist voll", "utf-8", Kind.SOFT),
    Answer("550 5.2.1 账号已停用", "gb2312", Kind.SOFT),
    Answer("550 5.7.1 Письмо похоже на спам", "windows-1251", Kind.SOFT),
    Answer("554 5.7.1 客户端在黑名单中", "utf-8", Kind.SOFT),
    Answer("550 5.7.1 Relay access denied", "us-ascii", Kind.SOFT),
    Answer("550 5.7.26 unauthenticated, user unknown to SPF", "us-ascii", Kind.SOFT),
    Answer("450 4.1.1 User unknown", "us-ascii", Kind.SOFT),
    Answer("550 5.1.1 User unknown, try again later", "us-ascii", Kind.SOFT),
]
SHAPES = st.builds(
    Shape,
    encoding=st.sampled_from(ENCODINGS),
    copy=st.sampled_from(COPIES),
    fold=st.sampled_from(FOLDS),
    line_end=st.sampled_from(["\n", "\r\n"]),
    has_letter=st.booleans(),
    order=st.sampled_from(ORDERS),
)


class TestShapes:
    @settings(max_examples=300)
    @given(shape=SHAPES, answer=st.sampled_from(ANSWERS), is_own_charset=st.booleans())
    def test_change_nothing(self, shape: Shape, answer: Answer, *, is_own_charset: bool) -> None:
        """Encoding, charset, folding, line ends, the order of parts and the form of the copy."""
        charset = answer.charset if is_own_charset else "utf-8"
        written = Shape(**{**vars(shape), "charset": charset})
        letter = f"We could not deliver to <{ADDRESS}>.\n"
        raw = shaped(written, address=ADDRESS, status="5.0.0", diagnosis=answer.text, letter=letter)
        found = read_bounce(raw).first

        assert (found.recipient, found.kind) == (ADDRESS, answer.kind)

    @given(shape=SHAPES, action=st.sampled_from(["delayed", "relayed", "delivered", "expanded"]))
    def test_of_reports_on_no_failure_suppress_nobody(self, shape: Shape, action: str) -> None:
        """Whatever the diagnosis says."""
        raw = shaped(
            shape, address=ADDRESS, status="5.1.1", diagnosis="550 user unknown", letter="Hello", action=action
        )
        assert read_bounce(raw).failures == ()

    @pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.text)
    @pytest.mark.parametrize("dialect", LETTERS)
    def test_of_letters_change_nothing(self, dialect: str, answer: Answer) -> None:
        """The same answers, quoted by mail systems that write no reports."""
        found = read_bounce(words(LETTERS[dialect].format(address=ADDRESS, answer=answer.text))).first

        assert (found.recipient, found.kind) == (ADDRESS, answer.kind)


class TestContradictions:
    def test_of_a_full_mailbox_and_a_dead_code_are_soft(self) -> None:
        """The server's words before any code."""
        assert read_bounce(report(ADDRESS, status="5.1.1", diagnosis="550 5.1.1 mailbox full")).first.kind is Kind.SOFT

    def test_of_a_suspended_mailbox_and_a_reports_own_code_are_soft(self) -> None:
        """A relay says 5.1.1 for any 550; the server said what it meant."""
        found = read_bounce(report(ADDRESS, status="5.1.1", diagnosis="550 Mailbox currently suspended")).first

        assert (found.kind, found.reason) == (Kind.SOFT, "suspended")

    def test_of_a_suspended_mailbox_and_the_servers_own_code_are_hard(self) -> None:
        """A server that says 5.1.1 itself means that there is no such mailbox."""
        assert read_bounce(report(ADDRESS, diagnosis="550 5.1.1 Account disabled")).first.kind is Kind.HARD

    def test_of_our_quota_and_theirs_are_told_apart(self) -> None:
        """A relay that has sent enough for us today says nothing about the mailbox."""
        assert read_bounce(report(ADDRESS, diagnosis="552 Daily sending quota exceeded")).first.reason == "slowed-down"

    def test_of_a_footer_and_a_status_go_by_the_status(self) -> None:
        """A scanner's advertisement about viruses and spam is no diagnosis."""
        letter = f"Delivery failed.\n\n  {ADDRESS}\n\nScanned for viruses and spam."
        assert read_bounce(report(ADDRESS, status="5.1.1", letter=letter)).first.kind is Kind.HARD

    @pytest.mark.parametrize("code", ["5.7.0", "5.7.1", "5.7.17"])
    def test_of_policy_and_mailbox_go_by_what_rcpt_was_told(self, code: str) -> None:
        """Some servers use 5.7.x for anything; an answer to RCPT that there is no mailbox is meant."""
        letter = LETTERS["postfix"].format(address=ADDRESS, answer=f"550 {code} No mailbox found")
        assert read_bounce(words(letter)).first.kind is Kind.HARD
        late = letter.replace("RCPT TO command", "end of DATA command")
        assert read_bounce(words(late)).first.kind is Kind.SOFT


class TestTraps:
    def test_of_forwarding_name_both(self) -> None:
        """The address that failed, and the one we wrote to."""
        found = read_bounce(report("box7@hidden.example", original=ADDRESS, diagnosis="550 5.1.1 no such user")).first

        assert (found.recipient, found.original) == ("box7@hidden.example", ADDRESS)

    def test_of_several_outcomes_keep_them_apart(self) -> None:
        """One dead, one full, one reached: each its own."""
        groups = [
            ("a@x.example", "failed", "5.1.1", "550 5.1.1 no such user"),
            ("b@x.example", "failed", "5.2.2", "552 mailbox full"),
            ("c@x.example", "relayed", "2.0.0", "250 ok"),
        ]
        found = read_bounce(many(groups)).findings

        assert [each.kind for each in found] == [Kind.HARD, Kind.SOFT, Kind.NONE]

    def test_of_several_named_in_the_header_keep_them_apart(self) -> None:
        """X-Failed-Recipients names them, the letter tells which is which."""
        text = (
            "A message could not be delivered:\n\n  a@x.example\n    550 5.1.1 no such user\n"
            "  b@x.example\n    552 5.2.2 mailbox full\n"
        )
        found = read_bounce(words(text, X_Failed_Recipients="a@x.example, b@x.example")).failures

        assert [(each.recipient, each.kind) for each in found] == [
            ("a@x.example", Kind.HARD),
            ("b@x.example", Kind.SOFT),
        ]

    def test_of_our_own_return_path_are_not_fallen_for(self) -> None:
        """The letter greets our own address; the copy names the customer."""
        text = (
            f"Sorry {VERP}. Your mail could not be delivered: 550 5.1.1 unknown user\n\n"
            f"--- Below this line is a copy of the message.\n\nFrom: care@example.com\nTo: {ADDRESS}\n\nHello\n"
        )
        found = read_bounce(words(text).replace(b"b@bounce.example.com", VERP.encode())).first

        assert found.recipient == ADDRESS

    def test_of_an_address_glued_to_the_answer_are_read(self) -> None:
        """`someone@customer.example...User unknown`, without a blank."""
        letter = LETTERS["postfix"].format(address=ADDRESS, answer=f"550 {ADDRESS}...User unknown")
        assert read_bounce(words(letter)).first.kind is Kind.HARD
