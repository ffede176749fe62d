from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.base.vocabulary import Purpose
from care.policy.caps import LOOK_BACK, Release, cap_release
from care.policy.model import Caps

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
CAPS = Caps(marketing_per_7d=1, marketing_per_30d=2, survey_invites_per_30d=1, survey_reminders=1, all_per_day=3)
OFFER, GREETING, SURVEY, SERVICE = Purpose.OFFER, Purpose.GREETING, Purpose.SURVEY, Purpose.SERVICE


def sent(*entries):
    """Return (instant, purpose) for (days ago, purpose) pairs."""
    return [(NOW - timedelta(days=days), purpose) for days, purpose in entries]


def after(days):
    return NOW + timedelta(days=days)


class TestCapRelease:
    @pytest.mark.parametrize(
        ("before", "purpose", "release"),
        [
            ([], OFFER, None),
            ([(2, GREETING)], OFFER, Release(after(5), "marketing_per_7d")),
            ([(2, OFFER)], GREETING, Release(after(5), "marketing_per_7d")),
            ([(7, GREETING)], OFFER, None),
            ([(6.999, GREETING)], OFFER, Release(after(0.001), "marketing_per_7d")),
            ([(8, OFFER), (20, OFFER)], OFFER, Release(after(10), "marketing_per_30d")),
            ([(8, OFFER), (30, OFFER)], OFFER, None),
            ([(2, OFFER), (20, OFFER)], OFFER, Release(after(10), "marketing_per_30d")),
            ([(2, OFFER), (26, OFFER)], OFFER, Release(after(5), "marketing_per_7d")),
            ([(2, SURVEY)], OFFER, None),
            ([(2, OFFER)], SURVEY, None),
            ([(29, SURVEY)], SURVEY, Release(after(1), "survey_invites_per_30d")),
            ([(0.1, SERVICE), (0.2, SERVICE), (0.3, SERVICE)], OFFER, Release(after(0.7), "all_per_day")),
            ([(0.1, SERVICE), (0.2, SERVICE), (0.3, Purpose.REPLY)], OFFER, None),
            ([(0.1, SERVICE)] * 9, SERVICE, None),
            ([(0.1, SERVICE)] * 9, Purpose.EMERGENCY, None),
            ([(0.1, SERVICE)] * 9, Purpose.REPLY, None),
            ([(-1, OFFER)], OFFER, Release(after(8), "marketing_per_7d")),
        ],
    )
    def test_holds_until_the_cap_ends(self, before, purpose, release):
        """One row per rule and edge; what is planned for tomorrow counts as well."""
        assert cap_release(sent(*before), purpose, CAPS, NOW) == release

    def test_never_releases_what_may_never_be_sent(self):
        """0 is never, even where another cap would end."""
        none = Caps(marketing_per_30d=0, marketing_per_7d=1)
        assert cap_release([], OFFER, none, NOW) == Release(None, "marketing_per_30d")
        assert cap_release(sent((1, OFFER)), OFFER, none, NOW) == Release(None, "marketing_per_30d")
        assert cap_release([], SURVEY, none, NOW) is None

    def test_has_no_limit_where_none_is_set(self):
        """An absent cap is no cap."""
        assert cap_release(sent(*[(0.01, OFFER)] * 50), OFFER, Caps(), NOW) is None

    @given(
        st.lists(st.tuples(st.floats(0, 40), st.sampled_from(Purpose)), max_size=12),
        st.sampled_from(Purpose),
        st.builds(
            Caps,
            marketing_per_7d=st.none() | st.integers(1, 3),
            marketing_per_30d=st.none() | st.integers(1, 4),
            survey_invites_per_30d=st.none() | st.integers(1, 2),
            all_per_day=st.none() | st.integers(1, 4),
        ),
    )
    def test_is_free_at_the_release_and_not_before(self, before, purpose, caps):
        """At the instant of release nothing holds any more; a second earlier something does."""
        history = sent(*before)
        release = cap_release(history, purpose, caps, NOW)
        if release is not None:
            assert NOW < release.until <= NOW + LOOK_BACK
            assert cap_release(history, purpose, caps, release.until) is None
            assert cap_release(history, purpose, caps, release.until - timedelta(seconds=1)) is not None

    @given(st.lists(st.tuples(st.floats(0, 40), st.sampled_from(Purpose)), max_size=12), st.sampled_from(Purpose))
    def test_needs_only_the_look_back(self, before, purpose):
        """Older messages change nothing, and neither does the order."""
        history = sent(*before)
        recent = [entry for entry in reversed(history) if entry[0] > NOW - LOOK_BACK]
        assert cap_release(history, purpose, CAPS, NOW) == cap_release(recent, purpose, CAPS, NOW)
