import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from care.base.vocabulary import Channel, Purpose
from care.delivery.links import LinkSigner, UnsubscribeClaim

SECRET = b"a secret of thirty-two bytes, ok."
CLAIMS = st.builds(
    UnsubscribeClaim,
    customer_id=st.integers(1, 2**62),
    channel=st.sampled_from([Channel.EMAIL, Channel.SMS]),
    address_hash=st.text("0123456789abcdef", min_size=32, max_size=32),
    purpose=st.sampled_from(list(Purpose)),
)


def claim(**changed: object) -> UnsubscribeClaim:
    words = {"customer_id": 7, "channel": "email", "address_hash": "0f" * 16, "purpose": "greeting"}
    return UnsubscribeClaim(**(words | changed))  # type: ignore[arg-type]  # by name


class TestLinkSigner:
    @given(made=CLAIMS)
    def test_reads_what_it_made(self, made: UnsubscribeClaim) -> None:
        """A token stands for its claim, fits into a link as it is, and itsdangerous finds it well signed."""
        signer = LinkSigner(SECRET, "https://care.example.com/")
        token = signer.token(made)
        assert signer.read(token) == made
        assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
        assert signer.unsubscribe_url(made) == f"https://care.example.com/u/{token}"
        parts = [made.customer_id, made.channel, made.address_hash, made.purpose]
        assert URLSafeSerializer(SECRET, salt="care.unsubscribe").loads(token) == parts

    def test_reads_links_sent_long_ago(self) -> None:
        """The form of a token never changes: mails of years ago must still let people go."""
        token = (
            "WzcsImVtYWlsIiwiMGYwZjBmMGYwZjBmMGYwZjBmMGYwZjBmMGYwZjBmMGYiLCJncmVldGluZyJd.PlddmcuDE8pvaMo2bBQVMzQQpg8"
        )
        assert LinkSigner(SECRET, "").read(token) == claim()
        assert LinkSigner(SECRET, "").token(claim()) == token

    @pytest.mark.parametrize("other", [claim(customer_id=8), claim(purpose="offer"), claim(channel="sms")])
    def test_lets_nobody_change_a_claim(self, other: UnsubscribeClaim) -> None:
        """The signature of one claim does not fit another."""
        signer = LinkSigner(SECRET, "")
        payload = signer.token(other).partition(".")[0]
        signature = signer.token(claim()).partition(".")[2]
        assert signer.read(f"{payload}.{signature}") is None

    def test_trusts_only_its_own_secret(self) -> None:
        """A token signed with another secret, cut short or empty stands for nothing."""
        token = LinkSigner(SECRET, "").token(claim())
        assert LinkSigner(b"another secret of 32 bytes, as it is", "").read(token) is None
        assert [LinkSigner(SECRET, "").read(bad) for bad in ("", ".", "x", token[:-1], token[1:])] == [None] * 5

    def test_makes_no_link_without_an_address(self) -> None:
        """Nobody could reach it."""
        assert LinkSigner(SECRET, "").unsubscribe_url(claim()) == ""
