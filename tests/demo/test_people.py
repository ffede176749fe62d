"""The made-up customers: believable, the same for a seed, and nobody's."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from care.base.vocabulary import Channel
from care.customers.addresses import normalise_email, normalise_phone
from care.delivery.channels.sandbox_fate import reserved_fate
from care.demo.contracts import NOTICE_LEAD, TRICKLE, draw_subscriptions
from care.demo.customers import Customer, draw_customers
from care.demo.markets import MARKETS, SANDBOX_MARK
from care.demo.permissions import draw_bans, draw_consents

TODAY = date(2026, 9, 26)
NOW = datetime(2026, 9, 26, 14, tzinfo=UTC)


@pytest.fixture(scope="module")
def people() -> list[Customer]:
    """Three thousand of them."""
    return list(draw_customers(3_000, today=TODAY, seed=1))


class TestCustomers:
    def test_are_the_same_for_a_seed(self, people: list[Customer]) -> None:
        """And others for another."""
        again = [one.row for one in draw_customers(50, today=TODAY, seed=1)]
        others = [one.row for one in draw_customers(50, today=TODAY, seed=2)]

        assert again == [one.row for one in draw_customers(50, today=TODAY, seed=1)]
        assert again != others

    def test_come_from_every_market_about_as_often_as_it_says(self, people: list[Customer]) -> None:
        """Two in three from the operator's own country."""
        found = Counter(one.market.country for one in people)

        assert set(found) == {market.country for market in MARKETS}
        assert 0.55 < found["CN"] / len(people) < 0.7

    def test_have_addresses_that_are_taken_for_valid(self, people: list[Customer]) -> None:
        """Phones in E.164, mail at domains kept for examples."""
        for one in people:
            phone, email = one.row["phone"], one.row["email"]
            assert not phone or normalise_phone(phone, one.market.country) == phone
            assert not email or normalise_email(email).partition("@")[2].startswith("example.")

    def test_in_the_united_states_have_numbers_that_belong_to_nobody(self, people: list[Customer]) -> None:
        """555-0100 to 555-0199 of any area code."""
        numbers = [one.row["phone"] for one in people if one.market.country == "US" and one.row["phone"]]

        assert numbers
        assert {number[5:10] for number in numbers} == {"55501"}

    def test_share_telephones_within_households_only(self, people: list[Customer]) -> None:
        """Whoever shares one lives in the same area and has the same surname."""
        homes: dict[str, list[Customer]] = {}
        for one in people:
            if one.row["phone"]:
                homes.setdefault(one.row["phone"], []).append(one)
        shared = [home for home in homes.values() if len(home) > 1]

        assert len(shared) > 50
        assert all(len({(one.row["area"], one.called.surname) for one in home}) == 1 for home in shared)

    def test_have_fates_only_as_members_of_the_cast(self, people: list[Customer]) -> None:
        """Numbers that fail on demand are given on purpose, never by chance."""
        fated = [one for one in people if one.row["phone"] and reserved_fate(Channel.SMS, one.row["phone"])]

        assert fated == [one for one in people if one.is_member_of_cast]
        assert len(fated) == 32
        assert all(one.row["phone"][-7:].startswith(SANDBOX_MARK) for one in fated)

    def test_have_birthdays_of_every_kind(self, people: list[Customer]) -> None:
        """Solar and lunar, without a year, in a leap month, on 29 February, and unknown."""
        rows = [one.row for one in people]

        assert any(row["birthday"].startswith("--") for row in rows)
        assert any(row["birthday_calendar"] == "lunar" for row in rows)
        assert any(row["birthday_leap"] == "true" for row in rows)
        assert any(row["birthday"].endswith("-02-29") for row in rows)
        assert any(not row["birthday"] for row in rows)

    def test_are_of_every_standing(self, people: list[Customer]) -> None:
        """Some have left, are minors, have died, pay a hardship tariff, or are key accounts."""
        rows = [one.row for one in people]

        for column in ("minor", "deceased", "hardship", "key_account", "depends_on_line", "left_on"):
            assert any(row.get(column) for row in rows), column


class TestSubscriptions:
    def test_of_a_few_run_out_so_that_a_notice_is_due_soon(self, people: list[Customer]) -> None:
        """These are what one sees leaving after the start."""
        ends = [
            datetime.fromisoformat(row["ends_at"])
            for row in draw_subscriptions(people, now=NOW, seed=1)
            if "T" in row["ends_at"]
        ]
        soon = [end for end in ends if timedelta(0) <= end - NOTICE_LEAD - NOW <= TRICKLE]

        assert 20 <= len(soon) <= 120

    def test_of_those_who_left_are_over(self, people: list[Customer]) -> None:
        """No notice goes to somebody who is gone."""
        gone = {one.id for one in people if one.left_on}
        ends = [row["ends_at"] for row in draw_subscriptions(people, now=NOW, seed=1) if row["customer"] in gone]

        assert ends
        assert all(end < TODAY.isoformat() for end in ends)


class TestConsents:
    def test_carry_their_proof_and_lie_in_the_past(self, people: list[Customer]) -> None:
        """A yes has source and wording; nothing is said before joining or after the week began."""
        joined = {one.id: one.joined_on.isoformat() for one in people}
        words = list(draw_consents(people, brand="Brand", before=NOW, seed=1))

        assert all(word["source"] and word["wording"] for word in words if word["given"] == "true")
        assert all(joined[word["customer"]] <= word["at"] < NOW.isoformat() for word in words)

    def test_are_taken_back_by_some(self, people: list[Customer]) -> None:
        """A withdrawal comes after the yes."""
        said: dict[tuple[str, str, str], list[str]] = {}
        for word in draw_consents(people, brand="Brand", before=NOW, seed=1):
            said.setdefault((word["customer"], word["purpose"], word["channel"]), []).append(word["given"])

        assert ["true", "false"] in said.values()
        assert ["false"] in said.values()


class TestBans:
    def test_name_an_address_of_a_customer(self, people: list[Customer]) -> None:
        """On the channel the ban is for."""
        known = {one.row["phone"] for one in people} | {one.row["email"] for one in people}
        bans = list(draw_bans(people, seed=1))

        assert {ban.reason for ban in bans} > {"opt_out", "complaint"}
        assert all(ban.address in known for ban in bans)
