"""Letters in forms that were once not read."""

import base64

import pytest

from care.inbound.bounces.model import Finding, Kind
from care.inbound.bounces.read import read_bounce
from tests.inbound.bounces.dialects import words

CUSTOMER = "chen.hua@customer.example"


def first(raw: bytes) -> Finding:
    return read_bounce(raw).first


PAGE = (
    "<html><head><style>a { color: red }</style></head><body><p>邮件被退回</p><table><tr><td>收件人</td>"
    f"<td><a href='mailto:{CUSTOMER}'>{CUSTOMER}</a></td></tr></table><p>收件人<b>邮箱</b>&#19981;存在</p></body></html>"
)


def page(text: str, charset: str = "utf-8", told: str = "utf-8", kind: str = "html") -> bytes:
    body = base64.encodebytes(text.encode(charset)).decode()
    head = f"From: MAILER-DAEMON@relay.example\nTo: b@x.example\nContent-Type: text/{kind}; charset={told}\n"
    return f"{head}Content-Transfer-Encoding: base64\nSubject: returned mail\n\n{body}".encode()


class TestForms:
    def test_a_page_is_read_as_a_reader_sees_it(self) -> None:
        """Tags within words, entities, tables and links."""
        found = first(page(PAGE))
        assert (found.recipient, found.kind) == (CUSTOMER, Kind.HARD)

    def test_a_page_beside_an_empty_letter_is_read(self) -> None:
        """Some systems write the plain part and leave it empty."""
        inner = page(PAGE).split(b"\n", 2)[2]
        mail = b"\n".join(
            [
                b"From: MAILER-DAEMON@relay.example\nSubject: returned mail",
                b"Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n \n--b",
                inner,
                b"--b--\n",
            ]
        )
        assert (first(mail).recipient, first(mail).kind) == (CUSTOMER, Kind.HARD)

    @pytest.mark.parametrize(
        ("charset", "said"),
        [
            ("gb18030", "收件人邮箱不存在"),
            ("big5", "收件者信箱不存在"),
            ("shift_jis", "メールアドレスが見つかりません"),
            ("euc-kr", "존재하지 않는 사용자입니다"),
            ("windows-1251", "Такого пользователя нет"),
            ("windows-1250", "Schránka byla zrušena"),
            ("iso-8859-7", "Άγνωστος παραλήπτης"),
            ("windows-1255", "המשתמש אינו קיים"),
            ("windows-1256", "المستخدم غير موجود"),
        ],
    )
    def test_a_charset_nobody_told_is_guessed(self, charset: str, said: str) -> None:
        """By the words a mail system uses."""
        found = first(page(f"<{CUSTOMER}>: 550 {said}\n", charset, "us-ascii", "plain"))
        assert (found.recipient, found.kind) == (CUSTOMER, Kind.HARD)

    def test_a_bounce_that_a_list_hands_on_is_one(self) -> None:
        """It says that a mail system wrote it; a list's own letters never do."""
        letter = f"<{CUSTOMER}>: 550 5.1.1 user unknown\n"
        assert first(words(letter, List_Id="<dev.lists.example>")).kind is Kind.HARD
        by_list = words(letter, sender="dev@lists.example", List_Id="<dev.lists.example>", subject="Delivery failed")
        assert read_bounce(by_list).failures == ()

    def test_facts_about_the_mail_before_the_reason_are_no_copy(self) -> None:
        """A heading "original mail" over a table, and the reason below it."""
        letter = f"您好\n原邮件信息\n收件人 {CUSTOMER}\n退信原因\n收件人邮件地址（{CUSTOMER}）不存在\n"
        assert (first(words(letter)).recipient, first(words(letter)).kind) == (CUSTOMER, Kind.HARD)

    def test_a_greeting_with_an_address_does_not_say_who_failed(self) -> None:
        """What looks like the copy is still the table of facts, and the reason follows."""
        letter = f"您好，{CUSTOMER}，您的邮件被退回\n原邮件主题：您好\n退信原因：收件人邮件地址（{CUSTOMER}）不存在\n"
        assert (first(words(letter)).recipient, first(words(letter)).kind) == (CUSTOMER, Kind.HARD)

    def test_letters_of_windows_are_read_in_a_charset_that_has_none(self) -> None:
        """A mail that says iso-8859-1 has them all the same."""
        letter = page(f"<{CUSTOMER}>: 550 Schránka byla zrušena\n", "windows-1250", "iso-8859-1", "plain")
        assert first(letter).kind is Kind.HARD

    def test_a_system_that_calls_its_bounce_an_automatic_reply_bounces(self) -> None:
        """Its subject says both; a person who is away only says one."""
        letter = (
            f"您发送到 {CUSTOMER} 的邮件退回。退信原因：该收件人的号码已被回收。\n550 unavailable or access denied\n"
        )
        subject = "退信：来自邮箱的自动回复"
        assert first(words(letter, subject=subject)).kind is Kind.HARD
        assert read_bounce(words(letter, sender="wang@x.example", subject=subject)).failures == ()

    @pytest.mark.timeout(20)
    @pytest.mark.parametrize("piece", ["<", "<a ", "<!--", "<script>", "&#", "<p", "<a b='"])
    def test_a_page_of_rubbish_takes_little_time(self, piece: str) -> None:
        """Whatever is opened and never closed."""
        assert read_bounce(page(piece * 100_000)).failures == ()
