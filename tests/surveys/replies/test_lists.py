"""The word lists hold together, with each other and with the rules."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.base.errors import FileError, ManyErrors
from care.surveys.replies.lexicon import shipped_entries, shipped_lexicon, shipped_patterns
from care.surveys.replies.model import Kind, Reply, Stage
from care.surveys.replies.normalise import normalise
from care.surveys.replies.overlay import load_lexicon
from care.surveys.replies.read import read_reply
from care.surveys.replies.roles import role
from care.surveys.replies.scales import SCALES
from care.surveys.replies.tokens import tokenise
from tests.surveys.replies.saying import hear

_WORDS = [(entry.meaning, entry.language, word) for entry in shipped_entries() for word in entry.words]


def _plain_verdicts(meaning: str) -> list[str]:
    """Return the words that only judge: no other list gives them a second meaning."""
    phrases = shipped_lexicon()
    return [
        word
        for found, _, word in _WORDS
        if found == meaning and phrases.meanings(word) <= {meaning, "label", "ease_middling"}
    ]


def _denied(word: str) -> str:
    """Return praise taken back; nothing where the word denies something itself."""
    if word[0].isascii():
        return "" if word.startswith(("not ", "no ", "never", "nothing", "can", "couldn", "could")) else f"not {word}"
    return "" if word[:1] in "没无不唔冇挑" else f"不是{word}"


class TestLists:
    def test_can_all_be_reached(self) -> None:
        """Each entry, typed alone, is found as what its list says."""
        lexicon = shipped_lexicon()
        lost = [
            (meaning, word)
            for meaning, _, word in _WORDS
            if not any(meaning in token.meanings for token in tokenise(normalise(word), lexicon))
        ]

        assert lost == [("very", "十分")]  # alone it is ten points

    def test_judge_each_word_one_way(self) -> None:
        """No word is praise and blame at once."""
        both = [
            phrase
            for phrase, meanings in shipped_lexicon().phrases.items()
            if meanings & {"good", "best"} and meanings & {"bad", "worst"}
        ]

        assert both == []

    def test_name_only_known_meanings(self) -> None:
        """Patterns and roles speak of lists that exist."""
        known = {meaning for meaning, _, _ in _WORDS}
        steps = {step.meaning for pattern in shipped_patterns() for step in pattern.steps}
        roles = {
            "beside_refusal",
            "right_of_refusal",
            "beside_bare_refusal",
            "left_of_score",
            "right_of_score",
            "beside_yes",
        }

        assert steps - known == set()
        assert set().union(*(role(name) for name in roles)) - known - {"opt_out"} == set()

    def test_of_praise_score_high_and_never_when_denied(self) -> None:
        """Alone a good point; after "not" or 不是 no good one."""
        words = [*_plain_verdicts("good"), *_plain_verdicts("best")]

        assert [word for word in words if hear(word).score not in (4, 5)] == []
        assert [said for said in map(_denied, words) if said and hear(said).score not in (None, 1, 2)] == []

    def test_of_blame_score_low(self) -> None:
        """Alone a bad point."""
        words = [*_plain_verdicts("bad"), *_plain_verdicts("worst")]

        assert [word for word in words if hear(word).score not in (1, 2)] == []


class TestOverlay:
    def test_adds_and_removes_words(self, tmp_path) -> None:
        """An operator's own words count, and ours can be taken away."""
        file = tmp_path / "replies.yaml"
        file.write_text("add:\n  best: {zh: [巴适得板]}\nremove:\n  worst: {zh: [垃圾]}\n", encoding="utf-8")
        lexicon = load_lexicon(file)

        assert read_reply(Reply(text="巴適得板"), lexicon).score == 5
        assert read_reply(Reply(text="垃圾"), lexicon).score is None
        assert hear("垃圾").score == 1

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("ad:\n  best: {zh: [a]}\n", ":1:1: 'ad' is not known. Did you mean 'add'?"),
            ("add:\n  bst: {zh: [a]}\n", ":2:3: 'bst' is not a meaning. Did you mean 'best'?"),
            ("add:\n  best: {fr: [a]}\n", ":2:10: 'fr' is not a language of the lists."),
            ("add:\n  best: {zh: 棒}\n", ":2:10: is not a list of words."),
            ("add:\n  best: {zh: [5]}\n", "is not a word."),
            ("add: [a]\n", "has no meanings."),
        ],
    )
    def test_says_where_it_is_wrong(self, tmp_path, text, line) -> None:
        """One line with the place and what to do."""
        file = tmp_path / "replies.yaml"
        file.write_text(text, encoding="utf-8")

        with pytest.raises((FileError, ManyErrors)) as caught:
            load_lexicon(file)
        assert line in str(caught.value)
        assert "\n" not in str(caught.value)


_TEXTS = st.text(max_size=80) | st.lists(
    st.sampled_from(
        [word for _, _, word in _WORDS] + ["5", "４", "1", "，", " ", "\n", "?", "10", "★", "/", "-", "“", "。"]
    ),
    max_size=8,
).map("".join)


class TestAnyText:
    @settings(max_examples=400, deadline=None)
    @given(text=_TEXTS, scale=st.sampled_from(sorted(SCALES)), stage=st.sampled_from(list(Stage)))
    def test_is_read_without_an_error_and_in_range(self, text, scale, stage) -> None:
        """Whatever is typed gives a reading, and a score is a point of its scale."""
        reading = read_reply(Reply(text=text, scale=scale, stage=stage))
        points = reading.score if isinstance(reading.score, tuple) else (reading.score,)

        assert all(point is None or SCALES[scale].holds(point) for point in points)
        assert reading.score is None or reading.kind in (Kind.SCORE, Kind.OPT_OUT)

    def test_that_is_only_our_own_words_sent_back_is_unclear(self) -> None:
        """Nothing is left of it to read."""
        assert hear("Reply STOP to opt out of these").kind is Kind.UNCLEAR
        assert hear("1=bad 2=poor 3=fair 4=good").kind is Kind.UNCLEAR

    @settings(max_examples=400, deadline=None)
    @given(text=_TEXTS)
    def test_is_normal_after_one_pass(self, text) -> None:
        """Normalising twice changes nothing."""
        assert normalise(normalise(text)) == normalise(text)

    @settings(max_examples=200, deadline=None)
    @given(text=_TEXTS)
    def test_means_the_same_in_capitals_and_at_full_width(self, text) -> None:
        """Case and width carry no meaning."""
        wide = "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)

        assert read_reply(Reply(text=wide)).score == read_reply(Reply(text=text)).score
