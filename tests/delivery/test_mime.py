import email
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.base.pieced import Pieced
from care.campaigns.sandbox import compile_html, compile_text_part
from care.delivery.channels.mime import MailComposer, MailError, subject_words
from care.delivery.channels.smtp_wire import is_sound

NOW = datetime(2026, 9, 25, 2, 0, 0, 123456, tzinfo=UTC)
ATOM = st.text("abcdefghijklmnopqrstuvwxyzABCZ0123456789!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=20)
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,12}[a-z0-9])?", fullmatch=True)
ADDRESSES = st.builds(
    lambda local, domain: f"{'.'.join(local)}@{'.'.join(domain)}",
    st.lists(ATOM, min_size=1, max_size=3),
    st.lists(LABEL, min_size=1, max_size=3),
).filter(lambda address: "=?" not in address)
HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]


def compose(composer: MailComposer | None = None, **changes: object) -> bytes:
    words: dict[str, object] = {
        "to": "ann@example.org",
        "subject": "Hello",
        "text": "Hello Ann",
        "html": "<p>Hello Ann</p>",
        "message_id": "abc.1",
        "date": NOW,
        **changes,
    }
    mail = (composer or MailComposer("care@example.com")).compose(**words)  # type: ignore[arg-type]  # by name
    assert is_sound(mail)
    assert mail.endswith(b"\r\n")
    return mail


def read(raw: bytes) -> EmailMessage:
    """Parse as the standard library does, strictly: a defect anywhere is an error."""
    message = email.message_from_bytes(raw, policy=policy.default.clone(raise_on_defect=True))
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def one_line(text: str) -> str:
    """What a subject is allowed to keep: one line of printable characters."""
    clean = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(clean.split())


def crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


class TestMailComposer:
    def test_writes_a_whole_mail(self) -> None:
        """Headers in order, plain text first, then HTML; every line ends with CRLF and is short."""
        raw = compose(
            MailComposer("海岚通信 <care@example.com>"),
            subject="王女士，生日快乐",
            text="王女士，祝您生日快乐。\n",
            html="<p>王女士，祝您生日快乐。</p>",
            unsubscribe_url="https://care.example.com/u/abc?x=1",
            template="birthday",
            locale="zh-CN",
        )
        message = read(raw)
        assert message.items()[:-1] == [
            ("From", "海岚通信 <care@example.com>"),
            ("To", "ann@example.org"),
            ("Subject", "王女士，生日快乐"),
            ("Date", "Fri, 25 Sep 2026 02:00:00 +0000"),
            ("Message-ID", "<abc.1@example.com>"),
            ("List-Unsubscribe", "<https://care.example.com/u/abc?x=1>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("Auto-Submitted", "auto-generated"),
            ("Feedback-ID", "birthday:zh-CN:care"),
            ("MIME-Version", "1.0"),
        ]
        assert [part.get_content_type() for part in message.walk()] == [
            "multipart/alternative",
            "text/plain",
            "text/html",
        ]
        assert body(message, "plain") == "王女士，祝您生日快乐。\r\n"
        assert body(message, "html") == "<p>王女士，祝您生日快乐。</p>"
        assert b"\n" not in raw.replace(b"\r\n", b"")
        assert b"\r" not in raw.replace(b"\r\n", b"")
        assert max(map(len, raw.split(b"\r\n"))) <= 80
        assert raw.isascii()

    def test_sends_text_alone_without_html(self) -> None:
        """No empty HTML part."""
        message = read(compose(html=""))
        assert message.get_content_type() == "text/plain"
        assert message.get_content() == "Hello Ann\r\n"

    def test_chooses_the_shorter_coding_per_template(self) -> None:
        """Mostly Chinese travels as base64, mostly ASCII as quoted-printable, and stays so for the template."""
        composer = MailComposer("care@example.com")
        assert b"base64" in compose(composer, text="您好" * 50, html="", template="a", locale="zh-CN")
        assert b"base64" in compose(composer, text="Hello", html="", template="a", locale="zh-CN")
        assert b"quoted-printable" in compose(composer, text="Hello Zoë, good day", html="", template="a", locale="en")

    def test_keeps_its_message_id(self) -> None:
        """The id is the one given, the same at every attempt; with or without brackets and domain."""
        for given_id in ("abc.1", "abc.1@example.com", "<abc.1@example.com>"):
            assert read(compose(message_id=given_id))["Message-ID"] == "<abc.1@example.com>"
        assert read(compose(message_id="x@b.example"))["Message-ID"] == "<x@b.example>"

    def test_gives_one_click_only_where_it_works(self) -> None:
        """The POST header is promised for https alone, and both headers stand unfolded in one line."""
        url = "https://care.example.com/u/" + "x" * 300
        lines = compose(unsubscribe_url=url).split(b"\r\n")
        assert b"List-Unsubscribe: <" + url.encode() + b">" in lines
        assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
        plain = read(compose(unsubscribe_url="http://localhost:8000/u/x"))
        assert plain["List-Unsubscribe"] == "<http://localhost:8000/u/x>"
        assert plain["List-Unsubscribe-Post"] is None

    def test_writes_the_date_with_its_offset(self) -> None:
        """An instant in another zone is the same instant."""
        shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
        assert read(compose(date=shanghai))["Date"].datetime == NOW.replace(microsecond=0)

    def test_writes_foreign_domains_in_ascii(self) -> None:
        """A domain in other letters travels in its ASCII form."""
        assert read(compose(to="ann@bücher.example"))["To"] == "ann@xn--bcher-kva.example"

    @pytest.mark.parametrize(
        ("sender", "shown"),
        [
            ("care@example.com", "care@example.com"),
            ("Hailan <care@example.com>", "Hailan <care@example.com>"),
            ("Hailan Care, Ltd. <care@example.com>", None),
            ('"Hailan Care, Ltd." <care@example.com>', '"Hailan Care, Ltd." <care@example.com>'),
            ("海岚通信客户关怀中心杭州分公司 <care@example.com>", "海岚通信客户关怀中心杭州分公司 <care@example.com>"),
            ("=?utf-8?q?x?= <care@example.com>", "=?utf-8?q?x?= <care@example.com>"),
        ],
    )
    def test_shows_the_sender(self, sender: str, shown: str | None) -> None:
        """A brand in any script is shown as given; something that is not one address is refused."""
        if shown is None:
            with pytest.raises(MailError):
                MailComposer(sender)
            return
        header = read(compose(MailComposer(sender)))["From"]
        assert len(header.addresses) == 1
        assert header.addresses[0].addr_spec == "care@example.com"
        assert str(header) == shown


PIECES = st.text("ab =.<>/é\t\n~", max_size=90) | st.sampled_from(["", ".", "..", "\n.", ".\n", " ", "\t\n", "=\r\n"])


class TestPieces:
    @settings(max_examples=500, deadline=None)
    @given(pieces=st.lists(PIECES | st.text(max_size=30), min_size=1, max_size=20), again=st.data())
    def test_are_whole_for_the_reader_whatever_they_are(self, pieces: list[str], again: st.DataObject) -> None:
        """Bodies in pieces, known or new, in any order, are read back to the letter, in short lines of no leading dot."""
        composer = MailComposer("care@example.com")
        compose(composer, html="x" * 900, text="x")  # so that the template travels as quoted-printable
        for chosen in (pieces, again.draw(st.lists(st.sampled_from(pieces), min_size=1, max_size=20))):
            whole = "".join(chosen)
            raw = compose(composer, text=Pieced.joined(chosen), html=Pieced.joined([*chosen, "<p>"]))
            assert max(len(line) for line in raw.split(b"\r\n")) <= 76
            assert body(read(raw), "plain") == crlf(whole).encode("utf-8", "replace").decode()
            assert body(read(raw), "html") == crlf(whole + "<p>").encode("utf-8", "replace").decode()

    @settings(max_examples=200, deadline=None)
    @given(name=st.text(max_size=80), link=st.text("abc/.=&<", max_size=120), has_link=st.booleans())
    def test_of_templates_are_read_as_rendered(self, name: str, link: str, has_link: bool) -> None:
        """Author's words and values in turn, with choices between: the parts arrive as they were rendered, escaped."""
        page = "<style>\n.a { b: c }\n</style><p>Dear {{ name }},\n{% if link %}<a href='{{ link }}'>go</a>{% endif %}.</p>"
        words = "Dear {{ name }},\n\n{% if link %}.{{ link }}{% else %}{{ name }}{% endif %}\n."
        values: dict[str, str | int] = {"name": name, "link": link if has_link else ""}
        composer = MailComposer("care@example.com")
        for _ in range(2):
            text, html = compile_text_part(words)(values), compile_html(page)(values)
            assert "<" not in html.replace("<style>", "", 1).split("Dear ")[1].split(",\n")[0]
            message = read(compose(composer, text=text, html=html))
            assert body(message, "plain") == crlf(text).encode("utf-8", "replace").decode()
            assert body(message, "html") == crlf(html).encode("utf-8", "replace").decode()

    def test_are_kept_in_bounds(self) -> None:
        """Names of ten thousand people do not stay in memory; what all mails share is found again."""
        composer = MailComposer("care@example.com")
        for number in range(5_000):
            compose(composer, html=Pieced.joined(["<p>Dear ", f"Ann {number}", "</p>"]))
        assert len(composer._bodies._known) <= 2_048
        assert body(read(compose(composer, html=Pieced.joined(["<p>Dear ", "Bo", "</p>"]))), "html") == "<p>Dear Bo</p>"

    @given(before=st.integers(0, 160), blank=st.sampled_from([" ", "\t", "  "]))
    def test_keep_a_blank_at_the_end_of_a_line(self, before: int, blank: str) -> None:
        """It is spelt out, and gets a line of its own where it would make one too long."""
        text = "x" * before + blank
        raw = compose(text=f"{text}\n{text}", html="")
        assert max(len(line) for line in raw.split(b"\r\n")) <= 76
        assert read(raw).get_content() == f"{text}\r\n{text}\r\n"

    @given(dots=st.integers(1, 200), before=st.integers(0, 80))
    def test_begin_no_line_with_a_dot(self, dots: int, before: int) -> None:
        """Dots at the begin of a line, also of one that was cut softly, are written so that none can end the mail."""
        text = "x" * before + "." * dots
        raw = compose(text=f"\n{text}\n.{text}", html="")
        assert max(len(line) for line in raw.split(b"\r\n")) <= 76
        assert read(raw).get_content() == f"\r\n{text}\r\n.{text}\r\n"


class TestInjection:
    @pytest.mark.parametrize(
        "changes",
        [
            {"to": "ann@example.org\r\nBcc: all@example.com"},
            {"to": "ann@example.org, bob@example.org"},
            {"to": "ann@example.org\n"},
            {"to": "Ann <ann@example.org>"},
            {"to": ""},
            {"to": "ann"},
            {"to": "ann@"},
            {"to": "a b@example.org"},
            {"to": "王@example.org"},
            {"to": "=?utf-8?q?x?=@example.org"},
            {"to": "a@" + "x" * 260},
            {"to": "a@-x.example"},
            {"to": "a@b..example"},
            {"to": "a@\udcff.example"},
            {"message_id": "x\r\nBcc: all@example.com"},
            {"message_id": ""},
            {"message_id": "x y"},
            {"message_id": "x>@y"},
            {"unsubscribe_url": "https://x.example/\r\nBcc: all@example.com"},
            {"unsubscribe_url": "https://x.example/>,<mailto:x@y.example"},
            {"unsubscribe_url": "javascript:alert(1)"},
            {"unsubscribe_url": "https://x.example/" + "x" * 1000},
            {"template": "x\r\nBcc: y"},
            {"locale": "zh:CN"},
        ],
    )
    def test_is_refused_where_a_header_has_a_grammar(self, changes: dict[str, str]) -> None:
        """Addresses, ids and links that are not what they should be stop the mail; the error repeats none of them."""
        with pytest.raises(MailError) as caught:
            compose(**changes)
        assert all(value not in str(caught.value) for value in changes.values() if len(value) > 3)

    @pytest.mark.parametrize("sender", ["", "x", "x@y\r\nBcc: z@w", "a@b.c, d@e.f", "A\nB <a@b.example>"])
    def test_is_refused_in_the_sender(self, sender: str) -> None:
        """A sender that could add a header is no sender, or loses the line break."""
        try:
            raw = compose(MailComposer(sender))
        except MailError:
            return
        assert read(raw).keys() == HEADERS

    @settings(max_examples=1000, deadline=None)
    @given(subject=st.text(max_size=200), name=st.text(max_size=80), to=ADDRESSES)
    def test_is_impossible_in_subjects_and_names(self, subject: str, name: str, to: str) -> None:
        """Whatever customers are called, the standard parser finds exactly our headers, one recipient, our subject."""
        raw = compose(to=to, subject=subject, text=f"Dear {name}", html=f"<p>{len(name)}</p>")
        message = read(raw)
        assert message.keys() == HEADERS
        assert message["To"].addresses[0].addr_spec == to
        assert len(message["To"].addresses) == 1
        assert str(message["Subject"]) == one_line(subject)
        assert body(message, "plain") == crlf(f"Dear {name}").encode("utf-8", "replace").decode()

    @settings(max_examples=300, deadline=None)
    @given(
        text=st.text(max_size=400) | st.text("ab =.\n\r\t-", max_size=400),
        html=st.text(min_size=1, max_size=400) | st.text("<p>=_é\n ", min_size=1, max_size=400),
        foreign=st.booleans(),
    )
    def test_is_impossible_in_bodies(self, text: str, html: str, foreign: bool) -> None:
        """In either coding both bodies come out as they went in, and no line of theirs ends a part."""
        composer = MailComposer("care@example.com")
        compose(composer, text="您好" if foreign else "hello", html="您" if foreign else "x")
        message = read(compose(composer, text=text, html=html))
        assert message.keys() == HEADERS
        assert len(list(message.walk())) == 3
        assert body(message, "plain") == crlf(text).encode("utf-8", "replace").decode()
        assert body(message, "html") == crlf(html).encode("utf-8", "replace").decode()


class TestSubjectWords:
    @pytest.mark.parametrize(
        ("subject", "written"),
        [
            ("Happy birthday, Ann", b"Happy birthday, Ann"),
            ("  a   b ", b"=?utf-8?b?YSBi?="),
            ("", b""),
            ("=?utf-8?q?trick?=", b"=?utf-8?b?PT91dGYtOD9xP3RyaWNrPz0=?="),
        ],
    )
    def test_stay_readable_where_they_can(self, subject: str, written: bytes) -> None:
        """Plain ASCII is written as it is; what looks like an encoded word is encoded."""
        assert subject_words(subject) == written

    def test_cut_between_characters(self) -> None:
        """Each encoded word is whole by itself and below 76 characters."""
        written = subject_words("祝您生日快乐👩‍👧" * 12)
        words = written.split(b"\r\n ")
        assert len(words) > 5
        for word in words:
            assert len(word) <= 75
            assert "\ufffd" not in str(read(b"Subject: " + word + b"\r\n\r\n")["Subject"])
