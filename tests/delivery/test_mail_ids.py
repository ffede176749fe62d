"""Ids that mails carry: recognised however a server writes them, never made up by anybody else."""

from hypothesis import given
from hypothesis import strategies as st

from care.delivery.mail_ids import Claimed, MailIds, claimed_message_refs, claimed_return_paths

IDS = MailIds(b"the secret key of an installation")
NUMBERS = st.integers(min_value=0, max_value=10**18 - 1)
WORDS = st.text(st.characters(codec="utf-8"), max_size=40)


class TestReturnPaths:
    @given(number=NUMBERS, token=WORDS, upper=st.booleans())
    def test_are_recognised(self, number: int, token: str, upper: bool) -> None:
        """Whatever the attempt, in any case of letters, and short enough for every server."""
        address = IDS.return_path(number, token, "bounce.example.com")
        assert len(address.partition("@")[0]) <= 64
        assert address == address.lower()

        (claimed,) = claimed_return_paths(f"Delivered to <{address.upper() if upper else address}>: no such user")
        assert claimed.id == number
        assert IDS.is_return_path(claimed, token)

    @given(number=NUMBERS, token=WORDS, other=WORDS)
    def test_fit_one_attempt_only(self, number: int, token: str, other: str) -> None:
        """Another token, another number or another key makes another address."""
        (claimed,) = claimed_return_paths(IDS.return_path(number, token, "x.example"))
        assert IDS.is_return_path(claimed, other) == (token == other)
        assert not IDS.is_return_path(Claimed(id=number + 1, mac=claimed.mac), token)
        assert not MailIds(b"another").is_return_path(claimed, token)

    def test_are_found_once_each_in_their_order(self) -> None:
        """A bounce repeats its address in many headers."""
        first, second = (IDS.return_path(n, "t", "x.example") for n in (7, 5))
        assert [each.id for each in claimed_return_paths(f"{first} {second} {first}")] == [7, 5]

    @given(st.text(max_size=300))
    def test_are_not_seen_in_other_texts(self, text: str) -> None:
        """Looking never fails."""
        assert not [each for each in claimed_return_paths(text) if IDS.is_return_path(each, "token")]


class TestMessageRefs:
    @given(number=NUMBERS, occasion=WORDS, other=WORDS)
    def test_fit_one_message_only(self, number: int, occasion: str, other: str) -> None:
        """Number and occasion are signed together."""
        (claimed,) = claimed_message_refs(f"Message-ID: {IDS.message_ref(number, occasion, 'example.com')}")
        assert claimed.id == number
        assert IDS.is_message_ref(claimed, occasion)
        assert IDS.is_message_ref(claimed, other) == (occasion == other)
        assert not MailIds(b"another").is_message_ref(claimed, occasion)

    def test_are_not_return_paths(self) -> None:
        """One kind never passes for the other."""
        assert claimed_return_paths(IDS.message_ref(1, "o", "example.com")) == []
        assert claimed_message_refs(IDS.return_path(1, "o", "example.com")) == []
