"""Survey links: what a token stands for, that nobody can make one, and which messages carry one."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.base.database import write
from care.base.settings import Settings
from care.delivery.links import SURVEY_LINK_LASTS, LinkSigner, survey_claim
from care.delivery.registry import outbox_dir
from care.policy.answering import WayBack, one_way_of
from care.policy.load import load_policies
from tests.factories import make_customer
from tests.house import House, build_house

SIGNER = LinkSigner(b"a secret of thirty-two bytes, ok.", "https://care.example.com/")
NOW = datetime(2026, 9, 25, 2, tzinfo=UTC)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
IDS = st.integers(1, 2**40 - 1)
CAMPAIGN = """\
id: survey_nps
name: survey_nps
purpose: survey
audience: everyone
occasion: {{kind: date, on: 2026-09-25, at: "10:00"}}
channels: [{channel}]
template: survey_nps
use_within: 8h
"""


def token(message_id: int = 7, use_by: datetime = NOW) -> str:
    return SIGNER.survey_token(survey_claim(message_id, use_by))


class TestTokens:
    @given(IDS, st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis
    def test_stand_for_a_message_and_a_time(self, message_id: int, use_by: datetime) -> None:
        """Two weeks after it may leave, rounded up to the hour; every try makes the same one."""
        made = token(message_id, use_by)
        claim = SIGNER.read_survey(made, use_by)
        assert claim is not None
        assert claim.message_id == message_id
        assert SURVEY_LINK_LASTS <= claim.expires_at - use_by < SURVEY_LINK_LASTS + timedelta(hours=1)
        assert re.fullmatch("[A-Za-z0-9_-]{32}", made)
        assert SIGNER.read_survey(made, claim.expires_at - timedelta(microseconds=1)) == claim
        assert SIGNER.read_survey(made, claim.expires_at) is None

    @given(IDS, st.integers(0, 31), st.sampled_from(LETTERS))
    def test_break_when_one_letter_changes(self, message_id: int, at: int, letter: str) -> None:
        """Whichever, also in the id, the time and the last letter."""
        made = token(message_id)
        other = made[:at] + letter + made[at + 1 :]
        assert (SIGNER.read_survey(other, NOW) is None) == (other != made)

    @given(st.text(max_size=80) | st.text(LETTERS, min_size=32, max_size=32))
    def test_cannot_be_made_up(self, text: str) -> None:
        """Nothing but None for whatever somebody types."""
        assert SIGNER.read_survey(text, NOW) is None

    def test_are_written_in_one_way_only(self) -> None:
        """No padding, no other alphabet, no blank: what is counted once cannot come in two spellings."""
        made = token()
        spellings = [made + "=", made + " ", "\n" + made, made.replace("-", "+").replace("_", "/") + "=", made + "===="]
        spellings += [made[:16] + "\n" + made[17:], made[:-1] + "=", made.swapcase(), made + made[-1]]
        assert [SIGNER.read_survey(one, NOW) for one in spellings] == [None] * len(spellings)

    def test_are_no_others_tokens(self) -> None:
        """Another secret, and the preference page's tokens, open nothing."""
        assert LinkSigner(b"another secret of 32 bytes, as it is", "").read_survey(token(), NOW) is None
        assert SIGNER.read(token()) is None

    def test_keep_their_form(self) -> None:
        """Invitations that are on their way when a new version starts still open the page."""
        assert token() == "AAAAAAcHl-q5Wn1E2xUkiFLq-HCHVyXb"

    def test_need_an_address(self) -> None:
        """Nobody could reach the page."""
        assert LinkSigner(b"a secret of thirty-two bytes, ok.", "").survey_url(7, NOW) == ""
        assert SIGNER.survey_url(7, NOW) == f"https://care.example.com/s/{token()}"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox writes where the program was started."""
    monkeypatch.chdir(tmp_path)


def sent(house: House, channel: str) -> dict[str, Any]:
    """Ask one customer on a channel and return what the sandbox got."""
    house.write_campaign(CAMPAIGN.format(channel=channel), "survey_nps")
    with write(house.engine) as conn:
        make_customer(conn, email="wang@example.com", consents=("survey",), locale="en")
    house.plan()
    assert house.dispatch() == 1
    path = outbox_dir(house.services.settings) / f"{channel}.jsonl"
    (line,) = path.read_text(encoding="utf-8").splitlines()
    return dict(json.loads(line))


class TestMessages:
    def test_by_email_carry_a_link_for_each_point(self, house: House) -> None:
        """Each opens the page of this very message."""
        said = json.dumps(sent(house, "email"))
        links = set(re.findall(r"/s/([A-Za-z0-9_-]{32})", said))
        assert len(links) == 1
        claim = house.services.links.read_survey(links.pop(), house.clock.now())
        assert claim is not None
        assert claim.message_id == house.messages()[0].id
        assert {int(point) for point in re.findall(r"\?score=(\d+)", said)} == set(range(11))
        assert "rate us here" in said

    def test_by_sms_ask_for_a_reply_where_one_can_come(self, house: House) -> None:
        """Nobody needs a link to answer with a digit."""
        said = sent(house, "sms")["body"]
        assert "Reply 0" in said
        assert "/s/" not in said

    def test_by_sms_carry_the_link_where_none_can(self, house: House) -> None:
        """The sender is a name: it takes no replies."""
        mute = build_house(house.folder, house.engine, house.clock, SENDERS__SURVEY="HarbourNet")
        said = sent(mute, "sms")["body"]
        assert "Rate us: http" in said
        assert "Reply" not in said


@pytest.mark.parametrize(
    ("tables", "country", "way"),
    [
        ({}, "CN", WayBack.REPLY),  # a gateway of the country's own
        ({"senders": {"survey": "HarbourNet"}}, "HK", WayBack.LINK),
        ({"senders": {"survey": "+85212345678"}}, "HK", WayBack.REPLY),
        ({"senders": {"survey": "MG0123"}}, "HK", WayBack.REPLY),
        ({"sms": {"provider": "twilio"}}, "CN", WayBack.NONE),
        ({"sms": {"provider": "twilio"}}, "TW", WayBack.NONE),
        ({"sms": {"provider": "twilio"}}, "HK", WayBack.REPLY),
        ({"sms": {"provider": "twilio"}}, "GB", WayBack.REPLY),
        ({"sms": {"provider": "twilio"}}, "", WayBack.LINK),  # nobody knows where: no replies are counted on
        ({"sms": {"provider": "twilio"}, "twilio": {"two_way": False}}, "GB", WayBack.LINK),
    ],
)
def test_how_an_sms_can_be_answered(tables: dict[str, Any], country: str, way: WayBack) -> None:
    """By sender, account and country."""
    twilio = {"account_sid": "AC1", "auth_token": "t", "from_number": "+441", **tables.get("twilio", {})}
    secrets = {"secret_key": "s" * 32, "suppression_key": "s" * 32}
    given = {"operator": {"public_url": "https://x.example"}, "security": secrets, **tables, "twilio": twilio}
    assert one_way_of(Settings.model_validate(given)).by_country(load_policies(None))(country) is way
