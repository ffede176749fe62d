from pathlib import Path

import pytest

from care.base.errors import FileError
from care.base.vocabulary import Channel
from care.campaigns.locales import choose_locale, fallbacks, normalise_locale
from care.campaigns.templates import TemplateLibrary

PAGE = """\
---
subject: Hello {{ name }}
---
<mjml lang="en">
  <mj-head><mj-include path="_shared/style.mjml" /></mj-head>
  <mj-body>
    <mj-section><mj-column>
%s
    </mj-column></mj-section>
  </mj-body>
</mjml>
"""


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder of templates with one SMS in two languages and a shared style."""
    put(tmp_path / "hello" / "en.sms.txt.j2", "Hello {{ name }}\n")
    put(tmp_path / "hello" / "zh-CN.sms.txt.j2", "{{ name }}，您好\n")
    put(tmp_path / "_shared" / "style.mjml", "<mj-style>p { color: #123456; }</mj-style>\n")
    return tmp_path


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def mail(shelf: Path, body: str, page: str = PAGE) -> Path:
    return put(shelf / "letter" / "en.email.mjml.j2", page % body if "%s" in page else page)


class TestFallbacks:
    @pytest.mark.parametrize(
        ("wanted", "chain"),
        [
            ("zh-TW", ("zh-TW", "zh-CN", "en")),
            ("zh-HK", ("zh-HK", "zh-TW", "zh-CN", "en")),
            ("zh-MO", ("zh-MO", "zh-HK", "zh-TW", "zh-CN", "en")),
            ("zh-Hant", ("zh-Hant", "zh-TW", "zh-CN", "en")),
            ("zh_hant_hk", ("zh-HK", "zh-TW", "zh-CN", "en")),
            ("zh-SG", ("zh-SG", "zh-CN", "en")),
            ("zh-XX", ("zh-XX", "zh-CN", "en")),
            ("zh", ("zh", "zh-CN", "en")),
            ("en-GB", ("en-GB", "en")),
            ("EN", ("en",)),
            ("fr-CA", ("fr-CA", "fr", "en")),
            ("", ("en",)),
        ],
    )
    def test_go_to_relatives_and_end_in_english(self, wanted: str, chain: tuple[str, ...]) -> None:
        """Each locale has its chain, nothing twice."""
        assert fallbacks(wanted) == chain

    def test_choose_what_is_there(self) -> None:
        """The first of the chain that has a file wins; without English there may be none."""
        assert choose_locale("zh-HK", ["zh-CN", "en"]) == "zh-CN"
        assert choose_locale("fr", ["zh-CN"]) is None
        assert normalise_locale("zh_cn") == "zh-CN"


class TestTemplateLibrary:
    def test_finds_and_resolves(self, shelf: Path) -> None:
        """A customer gets their language or its nearest relative, and the answer says which."""
        library = TemplateLibrary(shelf)
        assert library.names() == ["hello"]
        assert library.locales("hello", Channel.SMS) == ["en", "zh-CN"]
        assert library.resolve("hello", Channel.SMS, "zh-TW") == (shelf / "hello/zh-CN.sms.txt.j2", "zh-CN")
        assert library.resolve("hello", Channel.SMS, "en-GB") == (shelf / "hello/en.sms.txt.j2", "en")
        assert library.get("hello", Channel.SMS, "fr").text({"name": "Ann"}) == "Hello Ann"
        assert library.variables("hello", Channel.SMS, "en") == {"name"}

    def test_names_what_is_missing(self, shelf: Path) -> None:
        """A wrong name answers with the nearest; a missing channel with the languages there are."""
        library = TemplateLibrary(shelf)
        with pytest.raises(FileError, match="Did you mean 'hello'"):
            library.get("helo", Channel.SMS, "en")
        with pytest.raises(FileError, match="no email text for en"):
            library.get("hello", Channel.EMAIL, "en")
        (shelf / "hello/en.sms.txt.j2").unlink()
        with pytest.raises(FileError, match="no sms text for fr, only for zh-CN"):
            TemplateLibrary(shelf).get("hello", Channel.SMS, "fr")

    @pytest.mark.parametrize("name", ["../hello", "/etc", "_shared", "", "Hello", "hello/../hello"])
    def test_leaves_its_folder_for_nobody(self, shelf: Path, name: str) -> None:
        """A template is a plain name below the folder."""
        with pytest.raises(FileError, match="there is no template"):
            TemplateLibrary(shelf).files(name)

    def test_refuses_strange_files(self, shelf: Path) -> None:
        """A file whose name says neither SMS nor mail, and one language twice, are mistakes."""
        put(shelf / "hello" / "zh_cn.sms.txt.j2", "x")
        with pytest.raises(FileError, match="same language"):
            TemplateLibrary(shelf).files("hello")
        put(shelf / "other" / "en.txt", "x")
        with pytest.raises(FileError, match="neither an SMS nor an e-mail"):
            TemplateLibrary(shelf).files("other")

    @pytest.mark.parametrize(
        ("raw", "line", "problem"),
        [
            (b"\n  \n", 0, "is empty"),
            (b"Hello\n{{ name", 2, "unexpected end"),
            (b"Hello\nbad \xff byte", 2, "not UTF-8"),
            (b"Hi\n\n{{ name | loud }}", 3, "filter 'loud'"),
            (b"x" * 200_001, 0, "larger than"),
        ],
    )
    def test_points_at_the_line(self, shelf: Path, raw: bytes, line: int, problem: str) -> None:
        """Every mistake is one line with its place."""
        path = shelf / "hello" / "en.sms.txt.j2"
        path.write_bytes(raw)
        with pytest.raises(FileError, match=problem) as caught:
            TemplateLibrary(shelf).get("hello", Channel.SMS, "en")
        assert (caught.value.path, caught.value.line) == (path, line)
        assert "\n" not in str(caught.value)

    def test_reports_every_problem_at_once(self, shelf: Path) -> None:
        """The check compiles all files of all templates and goes on after a mistake."""
        put(shelf / "a" / "en.sms.txt.j2", "{{ x.y }}")
        put(shelf / "b" / "en.sms.doc", "x")
        mail(shelf, "<mj-txt>x</mj-txt>")
        problems = TemplateLibrary(shelf).problems()
        assert [error.path.parent.name for error in problems] == ["a", "b", "letter"]

    def test_compiles_once(self, shelf: Path) -> None:
        """The same file is the same object for every locale that falls back to it, also after a reload."""
        library = TemplateLibrary(shelf)
        first = library.get("hello", Channel.SMS, "en")
        assert library.get("hello", Channel.SMS, "fr") is first
        assert library.reload() is False
        assert library.get("hello", Channel.SMS, "en") is first
        assert library.generation == 0

    def test_sees_a_change_when_told_to_look(self, shelf: Path) -> None:
        """An edit shows after `reload`, with a new digest and a new generation."""
        library = TemplateLibrary(shelf)
        before = library.digest("hello")
        library.get("hello", Channel.SMS, "en")
        put(shelf / "hello/en.sms.txt.j2", "Good day {{ name }}")
        assert library.get("hello", Channel.SMS, "en").text({"name": "Ann"}) == "Hello Ann"
        assert library.reload() is True
        assert library.get("hello", Channel.SMS, "en").text({"name": "Ann"}) == "Good day Ann"
        assert library.digest("hello") != before
        assert library.generation == 1

    def test_digests_the_shared_pieces_of_mails(self, shelf: Path) -> None:
        """A new footer changes every mail, and no SMS."""
        mail(shelf, "<mj-text>x</mj-text>")
        library = TemplateLibrary(shelf)
        sms, letter = library.digest("hello"), library.digest("letter")
        put(shelf / "_shared" / "style.mjml", "<mj-style>p { color: #654321; }</mj-style>")
        library.reload()
        assert library.digest("hello") == sms
        assert library.digest("letter") != letter


class TestEmails:
    def test_become_subject_text_and_page(self, shelf: Path) -> None:
        """Style rules are written into the tags, the text keeps its links, values are escaped in the page alone."""
        mail(
            shelf,
            '<mj-text><p>Dear {{ name }}, see <a href="https://x.example/{{ ref }}">your bill</a>.</p></mj-text>'
            '<mj-button href="{{ survey_url }}">Rate us</mj-button>'
            '<mj-text>Call <a href="tel:{{ hotline }}">{{ hotline }}</a></mj-text>',
        )
        letter = TemplateLibrary(shelf).get("letter", Channel.EMAIL, "en")
        values = {"name": "Ann & Bob", "ref": "7", "survey_url": "https://x.example/s/1?a=1&b=2", "hotline": "96000"}
        assert letter.variables == {"name", "ref", "survey_url", "hotline"}
        assert letter.subject is not None
        assert letter.html is not None
        assert letter.subject(values) == "Hello Ann & Bob"
        assert letter.text(values) == (
            "Dear Ann & Bob, see your bill: https://x.example/7.\n\nRate us: https://x.example/s/1?a=1&b=2\n\nCall 96000"
        )
        page = letter.html(values)
        assert "Ann &amp; Bob" in page
        assert 'href="https://x.example/s/1?a=1&amp;b=2"' in page
        assert "color: #123456" in page
        assert "max-width:600px" in page

    def test_choose_inside_text_and_between_blocks(self, shelf: Path) -> None:
        """{% if %} works in a sentence, and around whole blocks through <mj-raw>, in both parts."""
        mail(
            shelf,
            "<mj-text>Hi{% if years %}, {{ years }} years{% endif %}</mj-text>"
            "<mj-raw>{% if offer %}</mj-raw><mj-text>Take {{ offer }}</mj-text><mj-raw>{% endif %}</mj-raw>",
        )
        letter = TemplateLibrary(shelf).get("letter", Channel.EMAIL, "en")
        assert letter.html is not None
        assert letter.optional == {"years", "offer"}
        assert letter.text({"name": "A", "years": "", "offer": ""}).strip() == "Hi"
        assert "Take" not in letter.html({"name": "A", "years": "", "offer": ""})
        assert letter.text({"name": "A", "years": 8, "offer": "tea"}).split() == ["Hi,", "8", "years", "Take", "tea"]
        assert "Take tea" in letter.html({"name": "A", "years": 8, "offer": "tea"})

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ("<mj-txt>x</mj-txt>", "<mj-txt> is not known here. Did you mean 'mj-text'"),
            ('<mj-text colour="#fff">x</mj-text>', "no attribute 'colour'. Did you mean 'color'"),
            ("<mj-text>x", "comes before </mj-text>"),
            ("x", "text stands outside <mj-text>"),
            ("{{ name }}", "text stands outside <mj-text>"),
            ("{% if name %}<mj-text>x</mj-text>{% endif %}", "stands between MJML tags"),
            ("<mj-section></mj-section>", "<mj-section> cannot stand in <mj-column>"),
            ("<mj-text><script>x</script></mj-text>", "<script> is not known here"),
            ('<mj-text><p onclick="x">x</p></mj-text>', "no attribute 'onclick'"),
            ('<mj-text><a href="javascript:x">x</a></mj-text>', "not a safe address"),
            ('<mj-text><a href="{{ name }}">x</a></mj-text>', "not a safe address"),
            ('<mj-text><a href="http://x.example">x</a></mj-text>', "not a safe address"),
            ('<mj-image src="data:image/png;base64,AA" />', "not a safe address"),
            ('<mj-text css-class="{% if name %}a{% endif %}">x</mj-text>', "stands inside css-class="),
            ('<mj-include path="../secret.mjml" />', "includes what is not there"),
            ('<mj-include path="_shared/stile.mjml" />', "Did you mean '_shared/style.mjml'"),
            ("<mj-include />", "has no path"),
            ("<mj-text>jx1xj</mj-text>", "the word 'jx1xj'"),
            ("<mj-text>{{ name | safe }}</mj-text>", "filter 'safe'"),
            ("<mj-text>{{ name.x }}</mj-text>", "attributes are not allowed"),
        ],
    )
    def test_say_where_they_are_wrong(self, shelf: Path, body: str, problem: str) -> None:
        """What the compiler would swallow is an error at its line, front matter counted."""
        path = mail(shelf, body)
        with pytest.raises(FileError) as caught:
            TemplateLibrary(shelf).get("letter", Channel.EMAIL, "en")
        assert problem in str(caught.value)
        assert caught.value.path == path
        assert caught.value.line in (8, 9)

    def test_say_which_piece_is_wrong(self, shelf: Path) -> None:
        """A mistake in a shared piece is shown in that piece."""
        mail(shelf, "<mj-text>x</mj-text>")
        piece = put(shelf / "_shared" / "style.mjml", "<mj-title>x</mj-title>\n<mj-stile>p {}</mj-stile>\n")
        with pytest.raises(FileError) as caught:
            TemplateLibrary(shelf).get("letter", Channel.EMAIL, "en")
        assert (caught.value.path, caught.value.line) == (piece, 2)

    @pytest.mark.parametrize(
        ("page", "line", "problem"),
        [
            ("<mjml></mjml>", 1, "has no front matter"),
            ("---\nsubject: x\n", 1, "has no front matter"),
            ("---\n---\n<mjml></mjml>", 1, "has no subject"),
            ("---\nsubjekt: x\n---\n", 2, "'subjekt' is not a key"),
            ("---\nsubject: x\nsubject: y\n---\n", 3, "two subjects"),
            ("---\nsubject: Hi {{ name.x }}\n---\n<mjml></mjml>", 2, "attributes are not allowed"),
            ("---\nsubject: x\n---\n<mjml><mj-body>\n", 4, "is never closed"),
            ("---\nsubject: x\n---\n</mjml>", 4, "closes nothing"),
            ("---\nsubject: x\n---\n<p>x</p>", 4, "<p> is not known here"),
        ],
    )
    def test_need_front_matter_and_a_page(self, shelf: Path, page: str, line: int, problem: str) -> None:
        """The first lines and the outermost tags are checked too."""
        mail(shelf, "", page)
        with pytest.raises(FileError, match=problem) as caught:
            TemplateLibrary(shelf).get("letter", Channel.EMAIL, "en")
        assert caught.value.line == line

    def test_stay_below_what_mail_programs_cut(self, shelf: Path) -> None:
        """A page that Gmail would cut, and the unsubscribe link with it, is refused."""
        mail(shelf, f"<mj-text>{'<p>word</p>' * 3000}</mj-text>")
        with pytest.raises(FileError, match="more than 100000 bytes"):
            TemplateLibrary(shelf).get("letter", Channel.EMAIL, "en")
