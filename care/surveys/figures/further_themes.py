"""Themes that no word list foresaw, found by the libraries of the extra `analysis`; without it there are none."""

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import sqlalchemy as sa

from care.customers.tables import customer
from care.customers.tickets.tables import ticket, ticket_resolution
from care.surveys.figures.ballot import ends_of
from care.surveys.figures.period import Period
from care.surveys.figures.themes import Comment, Theme, Themes, group_comments, key_of_text, make_theme
from care.surveys.figures.valid import main_of, valid_answers
from care.surveys.model import Question
from care.surveys.recording import REASON_SOURCE
from care.surveys.tables import follow_up, survey_answer

LEAST = 30
"""Fewer comments are not searched for further themes."""

MOST_THEMES = 5
WORDS_IN_TITLE = 3
SEED = 20_260_901
_MENU = {1: "slow", 2: "attitude", 3: "not_solved"}
_BY_LISTS = "Grouped by word lists in Chinese and English."
_NO_EXTRA = " Themes beyond the lists need: pip install 'care[analysis]'."
_SHORTEST_WORD = 2


def read_themes(conn: sa.Connection, period: Period) -> Themes:
    """Return the comments of a period by theme."""
    return find_themes(read_comments(conn, period))


def find_themes(comments: Sequence[Comment]) -> Themes:
    """Return comments by theme: by word lists, and what is left over by likeness where the extra is installed."""
    themes, rest = group_comments(comments)
    if not has_libraries():
        return Themes(total=len(comments), themes=themes, others=len(rest), method=_BY_LISTS + _NO_EXTRA)
    further = _by_likeness(rest) if len(rest) >= LEAST else []
    method = _BY_LISTS
    if further:
        method += " What they do not hold was grouped by the words it shares (TF-IDF, NMF)."
    return Themes(
        total=len(comments),
        themes=[*themes, *further],
        others=len(rest) - sum(theme.n for theme in further),
        method=method,
        telling=_telling(comments),
    )


def has_libraries() -> bool:
    """Tell whether the extra `analysis` is installed."""
    return all(find_spec(name) is not None for name in ("rjieba", "sklearn"))


def words_of(text: str) -> list[str]:
    """Return the words of a text in Chinese and English, without particles of one sign."""
    import rjieba

    return [word for word in map(str.strip, rjieba.cut(key_of_text(text))) if _is_word(word)]


def _is_word(word: str) -> bool:
    return len(word) >= _SHORTEST_WORD and any(char.isalpha() for char in word) and word not in _EMPTY


_EMPTY_WORDS = """
the and was were is are for with this that they them have has had but you your our very just from not too so it its
to of in on at be an as my me we us he she 我们 你们 他们 这个 那个 就是 还是 已经 一个 没有 什么 时候
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())


def _by_likeness(comments: Sequence[Comment]) -> list[Theme]:
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(analyzer=words_of, min_df=2)
    try:
        matrix = vectors.fit_transform([comment.text for comment in comments])
    except ValueError:  # no word occurs twice
        return []
    unlike = len({comment.text for comment in comments})
    count = min(MOST_THEMES, max(1, unlike // 2), matrix.shape[1], len(comments) // 10)
    model = NMF(n_components=count, random_state=SEED, init="nndsvda", tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what it has found by then will do for a report
        weights, names = model.fit_transform(matrix), vectors.get_feature_names_out()
    return _themes(comments, weights, model.components_, names)


def _themes(comments: Sequence[Comment], weights: Any, components: Any, names: Any) -> list[Theme]:
    found = []
    for place, component in enumerate(components):
        inside = [
            comment
            for comment, row in zip(comments, weights, strict=True)
            if row.max() > 0 and int(row.argmax()) == place
        ]
        if inside:
            top = [str(names[at]) for at in component.argsort()[::-1][:WORDS_IN_TITLE] if component[at] > 0]
            found.append(make_theme(f"words:{'+'.join(top)}", " · ".join(top), inside))
    return sorted(found, key=lambda theme: (-theme.n, theme.name))


def _telling(comments: Sequence[Comment], most: int = 8) -> list[str]:
    """Return the words that tell low scores from good ones, learned from the scores themselves."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    rated = [comment for comment in comments if comment.is_good is not None and comment.text.strip()]
    is_bad = [not comment.is_good for comment in rated]
    if min(is_bad.count(True), is_bad.count(False)) < LEAST:
        return []
    vectors = TfidfVectorizer(analyzer=words_of, min_df=5)
    try:
        matrix = vectors.fit_transform([comment.text for comment in rated])
    except ValueError:  # no word occurs often enough
        return []
    model = LogisticRegression(class_weight="balanced", random_state=SEED).fit(matrix, is_bad)
    names, weights = vectors.get_feature_names_out(), model.coef_[0]
    return [str(names[at]) for at in weights.argsort()[::-1][:most] if weights[at] > 0]


def read_comments(conn: sa.Connection, period: Period) -> list[Comment]:
    """Return what customers wrote in a period, or chose from the menu of reasons; tests are left out."""
    a = survey_answer.c
    scores = _scores(conn, period)
    wanted = (
        sa.select(a.question, a.score, a.comment, a.follow_up_id, a.session_id, customer.c.name, ticket.c.contact_name)
        .select_from(
            survey_answer.outerjoin(follow_up, follow_up.c.id == a.follow_up_id)
            .outerjoin(ticket_resolution, ticket_resolution.c.id == follow_up.c.resolution_id)
            .outerjoin(ticket, ticket.c.id == follow_up.c.ticket_id)
            .outerjoin(customer, customer.c.id == a.customer_id)
        )
        .where(
            a.at >= period.since,
            a.at < period.until,
            a.superseded_at.is_(None),
            sa.not_(a.source.startswith(REASON_SOURCE)),
            sa.or_(a.comment.is_not(None), a.question == str(Question.REASON)),
            sa.or_(ticket_resolution.c.id.is_(None), ticket_resolution.c.is_test.is_(sa.false())),
        )
        .order_by(a.id)
    )
    return [
        Comment(
            text=row.comment or "",
            is_good=scores.get(row.follow_up_id),
            names=tuple(name for name in (row.name, row.contact_name) if name),
            theme=_MENU.get(row.score, "") if row.question == Question.REASON and not row.comment else "",
        )
        for row in conn.execute(wanted)
        if row.comment or row.score in _MENU
    ]


def _scores(conn: sa.Connection, period: Period) -> dict[int, bool]:
    """Return per follow-up whether its rating counts as satisfied."""
    valid = valid_answers(period)
    v = valid.c
    rows = conn.execute(sa.select(v.follow_up_id, v.scale, v.score).where(main_of(valid)))
    return {
        row.follow_up_id: (row.score - low) / (high - low) > 0.7  # noqa: PLR2004 - 4 of 5, 8 of 10
        for row in rows
        if row.follow_up_id is not None
        for low, high in [ends_of(Question.OVERALL, row.scale)]
    }
