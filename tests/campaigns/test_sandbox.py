from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import TemplateError

from care.base.errors import FileError
from care.campaigns.sandbox import FILTERS, compile_html, compile_text, parse
from care.campaigns.template_names import names_in

HERE = Path("birthday/en.sms.txt.j2")

ESCAPES = [
    "{{ name.__class__ }}",
    "{{ name.__class__.__mro__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ name['__class__']['__base__'] }}",
    "{{ name|attr('__class__') }}",
    "{{ ()|attr('__class__')|attr('__base__') }}",
    "{{ [].__class__.__base__.__subclasses__() }}",
    "{{ {}.__class__ }}",
    "{{ self }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__.os }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ config.items() }}",
    "{{ request.application.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ range(10) }}",
    "{{ dict(a=1) }}",
    "{{ name.format(name) }}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ ('{0.__class__.__init__.__globals__}'|string).format(name) }}",
    "{% set f = '{0.__class__}'.format %}{{ f(name) }}",
    "{{ '{0.__class__}'|map('format', name)|list }}",
    "{{ name|map(attribute='__class__')|list }}",
    "{{ ['x']|map('attr', '__class__')|list }}",
    "{{ name|format(name) }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 'a' * 1000000000 }}",
    "{{ 9 ** 999999999 }}",
    "{{ name ~ name ~ name }}",
    "{{ name + name }}",
    "{% for x in range(99999999) %}{% for y in range(99999999) %}x{% endfor %}{% endfor %}",
    "{% for x in name recursive %}{{ loop(name) }}{% endfor %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}x{% endcall %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{% from 'os' import popen %}{{ popen }}",
    "{% extends '/etc/passwd' %}",
    "{% block x %}{{ name }}{% endblock %}",
    "{% autoescape false %}{{ name }}{% endautoescape %}",
    "{{ name|safe }}",
    "{{ name|default('there') }}",
    "{{ name|d('there') }}",
    "{{ name is defined }}",
    "{{ name if name is callable }}",
    "{% filter upper %}x{% endfilter %}",
    "{% set name = 'x' %}{{ name }}",
    "{% with name='x' %}{{ name }}{% endwith %}",
    "{% do name.append(1) %}",
    "{{ 1.5 }}",
    "{{ [1, 2] }}",
    "{{ name[0:1] }}",
    "{{ name() }}",
    "{{ 'x' in name }}",
    "{{ years|plural(one='year', many='years') }}",
    "{{ years|plural }}",
    "{{ name|upper(1) }}",
]


PIECES = [
    *("{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{{-", "if", "elif", "else", "endif", "name", "years", "|", "upper"),
    *("plural", "(", ")", "'", '"', ",", "1", "==", ">", "and", "or", "not", "[", "]", ".", ":", "~", "raw", "endraw"),
    *("for", "in", "set", "a", "\n", "é", "\x00", "9999", "1e5", "<", "/>", "&amp;", "%", "#", "-"),
]


class TestTheLint:
    @pytest.mark.parametrize("source", ESCAPES)
    def test_refuses_what_is_not_words_and_choices(self, source: str) -> None:
        """Known ways out of a sandbox are refused when the file is loaded, with the line, before anything runs."""
        with pytest.raises(FileError) as caught:
            parse(f"Hello\n{source}", HERE)
        assert caught.value.line == 2
        assert str(HERE) in str(caught.value)

    def test_names_the_filter_that_was_meant(self) -> None:
        """A misspelt filter is answered with the nearest one."""
        with pytest.raises(FileError, match="Did you mean 'capitalize_first'"):
            parse("{{ name | capitalise_first }}", HERE)

    def test_gives_the_line_of_broken_syntax(self) -> None:
        """Wrong tags are found in the file as the author sees it, front matter included."""
        with pytest.raises(FileError) as caught:
            parse("one\ntwo {{ name }\n", HERE, first_line=4)
        assert caught.value.line == 5

    @pytest.mark.parametrize(
        "source",
        [
            "{{ " + "(" * 20_000 + "name" + ")" * 20_000 + " }}",
            "{{ " + "not " * 2_000 + "name }}",
            "{{ name" + " or name" * 3_000 + " }}",
            "{{ name" + "|upper" * 3_000 + " }}",
            "{% if name %}" * 150 + "x" + "{% endif %}" * 150,
            "{% if name %}x" + "{% elif name %}x" * 3_000 + "{% endif %}",
            "{{ name }}" * 5_000,
            "{{ " + "9" * 5_000 + " }}",
            "{{ " * 30_000,
        ],
        ids=lambda source: source[:24],
    )
    def test_survives_texts_made_to_exhaust_it(self, source: str) -> None:
        """Depth, length and size that would choke the parser or the compiler are errors like any other, at once."""
        with pytest.raises(FileError):
            parse(source, HERE)

    @given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join))
    @settings(max_examples=500, deadline=None)
    def test_lets_nothing_pass_that_cannot_be_compiled(self, source: str) -> None:
        """Any heap of tags either is refused with its place or compiles; filling it in raises nothing of Python's."""
        try:
            needed, optional = names_in(parse(source, HERE))
        except FileError:
            return
        values: dict[str, str | int] = {**dict.fromkeys(optional, ""), **dict.fromkeys(needed, "x")}
        try:
            said = (compile_html(source)(values), compile_text(source)(values))
        except (TemplateError, TypeError):
            return
        assert said == (compile_html(source)(values), compile_text(source)(values))
        assert not [text for text in said if "<bound method" in text or "object at 0x" in text]

    def test_refuses_an_enormous_text(self) -> None:
        """No template is larger than a mail may be."""
        with pytest.raises(FileError, match="more than 100000 characters"):
            parse("x" * 100_001, HERE)

    def test_lets_words_and_choices_pass(self) -> None:
        """Variables, the few filters, and if with comparisons are what a text may use."""
        source = (
            "{# for all #}{% if years and years >= 5 or not plan %}{{ name | capitalize_first | upper }}"
            "{% elif years == 1 %}{{ 'x' if name != 'y' else plan }}{% else %}{{ years | plural('year', 'years') }}"
            "{% endif %}{% raw %}{{ as it is }}{% endraw %}"
        )
        parse(source, HERE)
        said = compile_text(source)
        assert said({"name": "wang", "years": 7, "plan": ""}) == "WANG{{ as it is }}"
        assert said({"name": "y", "years": 1, "plan": "gold"}) == "gold{{ as it is }}"
        assert said({"name": "y", "years": 3, "plan": "gold"}).endswith("years{{ as it is }}")


class TestTheCage:
    """The second wall: what would happen to a text that the lint had let pass."""

    @pytest.mark.parametrize("source", ESCAPES)
    def test_gives_nothing_of_python_away(self, source: str) -> None:
        """Even unlinted, an escape ends in an error or in harmless words; nothing is called and nothing grows."""
        try:
            said = compile_text(source)({"name": "王小明", "years": 8})
        except (TemplateError, TypeError, ValueError):
            return
        assert len(said) < 200
        for leak in ("class", "<function", "builtin", "module", "root:"):
            assert leak not in said

    def test_raises_for_a_missing_variable(self) -> None:
        """Nothing is ever filled in with an empty word."""
        with pytest.raises(TemplateError):
            compile_text("Dear {{ name }}")({})

    def test_escapes_values_in_html_only(self) -> None:
        """A name with markup stays a name in a mail and stays as it is in an SMS."""
        values = {"name": "<b onclick='x'>&\"王"}
        assert compile_html("{{ name }}")(values) == "&lt;b onclick=&#39;x&#39;&gt;&amp;&#34;王"
        assert compile_text("{{ name }}")(values) == values["name"]

    def test_does_not_read_tags_in_values(self) -> None:
        """Values are words: a customer called {{ hotline }} is printed as such."""
        assert compile_text("Dear {{ name }}")({"name": "{{ 7 * 7 }}"}) == "Dear {{ 7 * 7 }}"

    def test_keeps_escaping_through_every_filter(self) -> None:
        """No filter of ours hands back markup that would pass unescaped."""
        for name in FILTERS:
            call = f"{{{{ name | {name}{'(name, name)' if name == 'plural' else ''} }}}}"
            assert "<" not in compile_html(call)({"name": "<i>"})


class TestFilters:
    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("{{ name | capitalize_first }}", "Broadband and TV"),
            ("{{ name | upper }}", "BROADBAND AND TV"),
            ("{{ name | upper | lower }}", "broadband and tv"),
            ("{{ one | plural('year', 'years') }}", "1 year"),
            ("{{ many | plural('year', 'years') }}", "8 years"),
            ("{{ empty | capitalize_first }}", ""),
        ],
    )
    def test_shape_words(self, source: str, said: str) -> None:
        """The allowed filters do what their names say."""
        assert compile_text(source)({"name": "broadband and TV", "one": 1, "many": 8, "empty": ""}) == said


class TestNamesIn:
    @pytest.mark.parametrize(
        ("source", "needed", "optional"),
        [
            ("{{ a }} {{ b | upper }}", "ab", ""),
            ("{% if a %}{{ a }}{% endif %}", "", "a"),
            ("{% if a %}{{ a }}{% endif %}{{ a }}", "a", ""),
            ("{% if a %}x{% else %}{{ a }}{% endif %}", "a", ""),
            ("{% if not a %}x{% else %}{{ a }}{% endif %}", "", "a"),
            ("{% if not a %}{{ a }}{% endif %}", "a", ""),
            ("{% if a and b %}{{ a }}{{ b }}{% endif %}", "", "ab"),
            ("{% if a or b %}{{ a }}{% endif %}", "a", "b"),
            ("{% if a and a > 3 %}{{ a }}{% endif %}", "", "a"),
            ("{% if a > 3 %}{{ a }}{% endif %}", "a", ""),
            ("{% if a %}{% if b %}{{ a }}{{ b }}{{ c }}{% endif %}{% endif %}", "c", "ab"),
            ("{% if a %}x{% elif b %}{{ b }}{{ a }}{% endif %}", "a", "b"),
            ("{{ a if a else b }}", "b", "a"),
            ("{{ a if not b }}", "a", "b"),
        ],
    )
    def test_tell_what_must_be_there(self, source: str, needed: str, optional: str) -> None:
        """A variable may be absent only where the text has made sure of it."""
        assert names_in(parse(source, HERE)) == (frozenset(needed), frozenset(optional))
