"""SES by way of SNS: one topic, its own region's certificate, and no address that a request names."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.base.clock import VirtualClock
from care.base.database import write
from care.bootstrap import Services
from care.inbound.bounces.hooks.base import HookNotYetError, HookRefusedError, HookUnreadableError
from care.inbound.bounces.hooks.ses import SesHook
from care.inbound.bounces.hooks.sns import SnsTopic
from care.inbound.store import store_webhooks
from care.inbound.worker import work_inbox
from tests.inbound.bounces.post import ADDRESS, bans, send_mail, status_of
from tests.inbound.bounces.providers import ARN, CERTIFICATE, HOST, Amazon, ses, sns


@pytest.fixture
def amazon() -> Amazon:
    return Amazon()


@pytest.fixture
def hook(amazon: Amazon) -> SesHook:
    return SesHook(SnsTopic(ARN, amazon.fetch))


def post(services: Services, hook: SesHook, body: bytes) -> None:
    """Let SNS post, and work on it."""
    now = services.clock.now()
    rows = hook.take(body, {}, now)
    with write(services.engine) as conn:
        store_webhooks(conn, rows)
    work_inbox(services.engine, services.inbound_rules, now=now)


class TestEvents:
    @pytest.mark.parametrize("version", ["1", "2"])
    def test_bounces_are_carried_out(self, services: Services, hook: SesHook, version: str) -> None:
        """Signed in either version; found by the return path, which SES tells."""
        sent = send_mail(services)
        post(services, hook, sns(ses("Bounce", ADDRESS, sent.return_path), SignatureVersion=version))

        assert status_of(services, sent) == "undelivered"
        assert bans(services) == [("hard_bounce", "all")]

    @pytest.mark.parametrize("kind", ["Transient", "Undetermined"])
    def test_that_are_not_for_good_ban_nobody(self, services: Services, hook: SesHook, kind: str) -> None:
        """SES tells which are."""
        sent = send_mail(services)
        post(services, hook, sns(ses("Bounce", ADDRESS, sent.return_path, type=kind)))

        assert status_of(services, sent) == "undelivered"
        assert bans(services) == []

    def test_of_other_kinds_lead_to_what_they_say(self, services: Services, hook: SesHook) -> None:
        """Delivered; then a complaint."""
        sent = send_mail(services)
        post(services, hook, sns(ses("Delivery", ADDRESS, sent.return_path)))
        assert status_of(services, sent) == "delivered"
        post(services, hook, sns(ses("Complaint", f"Wang <{ADDRESS}>"), MessageId="m-2"))

        assert bans(services) == [("complaint", "marketing")]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = ("Type", "TopicArn", "Signature", "SigningCertURL", "SignatureVersion", "Message", "MessageId", "Token")
REFUSALS = (HookRefusedError, HookUnreadableError, HookNotYetError)


class TestAnything:
    @given(body=_json, name=st.sampled_from(_FIELDS), value=_json)
    def test_is_refused_by_name_and_never_breaks(self, body: Any, name: str, value: Any) -> None:
        """Any JSON, and any value in any field of a message that is signed otherwise."""
        hook, now = SesHook(SnsTopic(ARN, Amazon().fetch)), datetime(2026, 9, 25, tzinfo=UTC)
        for posted in (body, json.loads(sns(ses("Bounce", ADDRESS))) | {name: value}):
            with suppress(*REFUSALS):
                rows = hook.take(json.dumps(posted).encode(), {}, now)
                assert all(row["kind"] == "email.ses" for row in rows)

    @pytest.mark.parametrize("kind", [[], {}, None, 1, "?"])
    def test_without_a_kind_is_unreadable(self, hook: SesHook, kind: Any) -> None:
        """Whoever posts it: it is asked for first."""
        with pytest.raises(HookUnreadableError, match="Type"):
            hook.take(json.dumps({"Type": kind}).encode(), {}, datetime(2026, 9, 25, tzinfo=UTC))


class TestSignatures:
    @pytest.mark.parametrize(
        "changes",
        [
            {"TopicArn": ARN + "x"},
            {"SigningCertURL": CERTIFICATE.replace("https", "http")},
            {"SigningCertURL": CERTIFICATE.replace("eu-west-1", "us-east-1")},
            {"SigningCertURL": CERTIFICATE.replace("amazonaws.com", "amazonaws.com.evil.example")},
            {"SigningCertURL": CERTIFICATE.replace("https://", "https://evil.example@")},
            {"SigningCertURL": f"{HOST}/SimpleNotificationService-../x.pem"},
            {"SigningCertURL": ""},
        ],
    )
    def test_of_others_are_refused_without_asking_anybody(
        self, hook: SesHook, amazon: Amazon, clock: VirtualClock, changes: dict[str, str]
    ) -> None:
        """Another topic, another host, a host that only looks right: nothing is fetched."""
        with pytest.raises(HookRefusedError):
            hook.take(sns(ses("Bounce", ADDRESS), **changes), {}, clock.now())
        assert amazon.asked == []

    def test_of_altered_messages_are_refused(self, hook: SesHook, clock: VirtualClock) -> None:
        """One letter is enough."""
        for before, after in (
            (b"user unknown", b"user unknowm"),
            (b"m-1", b"m-2"),
            (b'"Signature": "', b'"Signature": "A'),
        ):
            with pytest.raises(HookRefusedError):
                hook.take(sns(ses("Bounce", ADDRESS)).replace(before, after, 1), {}, clock.now())

    def test_need_one_look_at_the_certificate(self, hook: SesHook, amazon: Amazon, clock: VirtualClock) -> None:
        """It is kept; while Amazon is away, SNS shall come again."""
        amazon.is_away = True
        with pytest.raises(HookNotYetError):
            hook.take(sns(ses("Bounce", ADDRESS)), {}, clock.now())
        amazon.is_away = False
        for _ in range(3):
            hook.take(sns(ses("Bounce", ADDRESS)), {}, clock.now())
        assert amazon.asked == [CERTIFICATE] * 2


class TestSubscriptions:
    def test_are_confirmed_at_an_address_of_our_own_making(
        self, hook: SesHook, amazon: Amazon, clock: VirtualClock
    ) -> None:
        """The address in the message is never followed, signed or not."""
        evil = "http://169.254.169.254/latest"
        body = sns("Confirm?", Type="SubscriptionConfirmation", Token="abc123", SubscribeURL=evil)
        assert hook.take(body, {}, clock.now()) == []
        assert amazon.asked[0] == CERTIFICATE
        assert amazon.asked[1].startswith(f"{HOST}/?Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns")
        assert len(amazon.asked) == 2

    def test_with_a_strange_token_are_refused(self, hook: SesHook, amazon: Amazon, clock: VirtualClock) -> None:
        """A token is letters and digits."""
        body = sns("Confirm?", Type="SubscriptionConfirmation", Token="a/../b", SubscribeURL=HOST)
        with pytest.raises(HookUnreadableError):
            hook.take(body, {}, clock.now())
        assert amazon.asked == [CERTIFICATE]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["bounce", "mail", "delivery", "recipients", "bouncedRecipients", "headers", "emailAddress"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


class TestGarbledEvents:
    @given(event=JSON, word=st.sampled_from(["Bounce", "Complaint", "Delivery", "Open", ""]))
    def test_are_taken_or_named(self, event: Any, word: str) -> None:
        """Signed nonsense never breaks anything."""
        hook = SesHook(SnsTopic(ARN, Amazon().fetch))
        message = json.dumps(event | {"eventType": word} if isinstance(event, dict) else event)
        try:
            hook.take(sns(message), {}, datetime(2026, 9, 25, tzinfo=UTC))
        except HookUnreadableError:
            assert not (isinstance(event, dict) and word)
