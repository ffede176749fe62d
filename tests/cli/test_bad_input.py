"""Every kind of bad file through the real command: exit code, one line with its place, nothing changed."""

import csv
import os

import pytest

from tests.cli.bad_shop import Shop, is_refused

CAMPAIGN = """\
id: spring_sale
name: spring_sale
title: {{en: Spring}}
owner: marketing
purpose: greeting
audience: {{any: [{segment}]}}
occasion: {{kind: date, on: {day}, at: "10:00"}}
channels: [sms]
template: {template}
use_within: 8h
"""


def rejects(shop: Shop, name: str) -> list[tuple[str, str]]:
    """Return row and column of what an import set aside."""
    with (shop.folder / f"{name}.rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        return [(row["row"], row["column"]) for row in csv.DictReader(file)]


def campaign(shop: Shop, *, segment: str = "everyone", day: str = "2027-03-01", template: str = "birthday") -> None:
    """Write a campaign file."""
    shop.write("campaigns/spring.yaml", CAMPAIGN.format(segment=segment, day=day, template=template))


class TestCampaignFiles:
    def test_of_wrong_yaml_are_named_with_line_and_column(self, shop: Shop) -> None:
        """The check ends with 2."""
        shop.write("campaigns/spring.yaml", "id: spring\nname: [unclosed\n")

        line = is_refused(shop, "campaigns", "check", "campaigns/spring.yaml")

        assert line.startswith("campaigns/spring.yaml:3:1: error: expected ',' or ']'")

    def test_of_wrong_yaml_keep_no_other_campaign_from_being_planned(self, shop: Shop) -> None:
        """The file is left out with its place, and nothing of it is in the plan."""
        shop.write("campaigns/spring.yaml", "id: spring\nname: [unclosed\n")
        rows = shop.rows()

        answer = shop.care("plan", "--days", "2")

        assert answer.code == 0
        assert "campaigns/spring.yaml:3:1: expected ',' or ']'" in answer.out
        assert shop.rows() == rows

    @pytest.mark.parametrize(
        ("spoilt", "line"),
        [
            ({"segment": "everyon"}, "6:18: error: segment 'everyon' is not known. Did you mean 'everyone'?"),
            ({"template": "birthdy"}, "9:1: error: there is no template 'birthdy'. Did you mean 'birthday'?"),
        ],
    )
    def test_that_name_what_is_not_there_are_told_so(self, shop: Shop, spoilt: dict[str, str], line: str) -> None:
        """Unknown segment, missing template: the answer is no, with the place and the nearest name."""
        campaign(shop, **spoilt)

        told = is_refused(shop, "campaigns", "check", "campaigns/spring.yaml", code=1)

        assert told.startswith(f"campaigns/spring.yaml:{line}")

    def test_with_a_day_that_does_not_exist_are_named(self, shop: Shop) -> None:
        """30 February is found in the file, not on the day."""
        campaign(shop, day="2027-02-30")

        line = is_refused(shop, "campaigns", "check", "campaigns/spring.yaml")

        assert line.startswith("campaigns/spring.yaml:7:28: error: '2027-02-30' is not a date that exists")

    def test_with_one_id_twice_are_both_held_back(self, shop: Shop) -> None:
        """Both places are named, whichever command reads them; neither is in the plan."""
        campaign(shop)
        spring = (shop.folder / "campaigns/spring.yaml").read_text(encoding="utf-8")
        shop.write("campaigns/summer.yaml", spring.replace("name: spring_sale", "name: summer_sale"))
        files = ("campaigns/spring.yaml", "campaigns/summer.yaml")
        rows = shop.rows()

        check = shop.care("campaigns", "check", *files)
        listed = shop.care("campaigns", "list")
        plan = shop.care("plan", "--days", "2")

        fix = "Give one of them another id; until then neither is sent"
        told = [f"{one}:1:1: {{}}id 'spring_sale' is also in {{}}{other}. {fix}" for one, other in (files, files[::-1])]
        assert (check.code, check.err.splitlines()) == (1, [line.format("error: ", "") for line in told])
        whole = [f"{shop.folder}/{line.format('', f'{shop.folder}/')}" for line in told]
        assert (listed.code, listed.err.splitlines()) == (1, [f"care: {line}" for line in whole])
        assert "spring_sale" not in listed.out
        assert (plan.code, [line for line in whole if f"left out: {line}" in plan.out]) == (0, whole)
        assert shop.rows() == rows

    def test_that_are_left_out_say_why_when_asked_for_by_name(self, shop: Shop) -> None:
        """The file stands there: "not known" alone would puzzle."""
        campaign(shop, segment="everyon")
        shop.write("campaigns/other.yaml", "id: fair\nname: [unclosed\n")

        spring = is_refused(shop, "campaigns", "show", "spring", code=1)
        fair = is_refused(shop, "plan", "--campaign", "fair", code=1)

        place = f"Its file is left out: {shop.folder}/campaigns/spring.yaml:6:18: segment 'everyon' is not known. "
        assert spring.startswith(f"care: campaign 'spring' is not known. {place}")
        assert (
            fair == "care: campaign 'fair' is not known. Its file is left out. See what is wrong: care campaigns check"
        )

    def test_cannot_be_used_with_broken_segments(self, shop: Shop) -> None:
        """Whoever would be chosen wrongly is not chosen at all."""
        shop.write("campaigns/segments.yaml", "valued:\n  all: [no_such_segment]\n")

        for words in (("segments", "list"), ("plan",), ("campaigns", "list"), ("run",)):
            line = is_refused(shop, *words)
            assert "campaigns/segments.yaml:2:9: segment 'no_such_segment' is not known. " in line


class TestMissingVariable:
    TEMPLATE = "templates/messages/birthday/zh-CN.sms.txt.j2"

    def test_is_named_with_the_place_in_the_template(self, shop: Shop) -> None:
        """A slip of the pen is found before anybody is skipped for it."""
        shop.write(self.TEMPLATE, "生日快乐\n您好，{{ salutaton }}\n")

        line = is_refused(shop, "campaigns", "check", "campaigns/birthday.yaml", code=1)

        assert line.endswith(
            f"{self.TEMPLATE}:2:7: error: variable 'salutaton' is not known. Did you mean 'salutation'?"
        )

    def test_sends_no_proof_with_a_gap(self, shop: Shop) -> None:
        """Nobody reads "Hi None"."""
        shop.write(self.TEMPLATE, "您好，{{ salutaton }}\n")

        line = is_refused(shop, "campaigns", "send-proof", "birthday", "--to", "+8613800000001", code=1)

        assert line.startswith("care: template 'birthday' (zh-CN.sms.txt.j2): needs salutaton, which is not known here")
        assert line.endswith("{% if salutaton %}. Choose another address or campaign")


class TestImportFiles:
    @pytest.mark.parametrize(
        ("data", "line"),
        [
            (b'id,name\nC1,"a\nC2,b\n', "people.csv:2: the quotes are broken ("),
            (b'id,name\nC1,"a"b\n', "people.csv:2: the quotes are broken ("),
            ("id,name\nC7,José\n".encode("latin-1"), "people.csv:2: is neither UTF-8 nor GBK. Save it as UTF-8"),
            ("id,name\nC7,客戶\n".encode("big5"), "people.csv:2: is neither UTF-8 nor GBK. Save it as UTF-8"),
            (b"\xff\xd8\xff\xe0 a picture", "people.csv:1: is neither UTF-8 nor GBK. Save it as UTF-8"),
            (b"id,notes\nC7," + b"x" * 200_000 + b"\n", "people.csv:2: a cell is longer than 131,072 characters. "),
            (b"", "people.csv: is empty. "),
        ],
    )
    def test_that_cannot_be_read_change_nothing(self, shop: Shop, data: bytes, line: str) -> None:
        """Broken CSV and wrong encodings end with 2 and the line of the file."""
        (shop.folder / "people.csv").write_bytes(data)

        assert is_refused(shop, "import", "customers", "people.csv").startswith(f"care: {line}")

    def test_that_are_pipes_are_told_apart_from_files(self, shop: Shop) -> None:
        """Whatever the shell calls them; nothing is read of them, so nobody waits for their other end."""
        os.mkfifo(shop.folder / "pipe")
        for name in ("pipe", "-", "/dev/stdin", "/dev/fd/0"):
            for words in (("import", "customers"), ("import", "answers"), ("tickets", "reconcile")):
                line = is_refused(shop, *words, name)
                assert line == (
                    f"care: {name}: is a pipe, and files are read more than once. Save it as a file and name that"
                )

    def test_with_an_id_twice_count_the_last_row(self, shop: Shop) -> None:
        """It is told, and a second time nothing changes."""
        shop.write("twice.csv", "id,name,area\nC7,first,north\nC8,other,\nC7,last,south\n")

        answer = shop.care("import", "customers", "twice.csv")
        rows = shop.rows()
        again = shop.care("import", "customers", "twice.csv")

        assert (answer.code, answer.err) == (0, "note: row 2: replaced by row 4, which has the same id\n")
        assert answer.out.startswith("3 rows: 2 added, 1 replaced by a later row of the same id")
        assert again.out.startswith("3 rows: 2 unchanged, 1 replaced by a later row of the same id")
        assert shop.rows() == rows
        assert "last" in shop.care("customers", "show", "C7").out

    @pytest.mark.parametrize(
        ("kind", "text", "places"),
        [
            (
                "customers",
                "id,birthday,joined_on\nC2,2023-02-29,\nC3,--13-01,\nC4,2099-01-01,\nC5,,2020-04-31\nC6,05/06/1990,\n",
                [("2", "birthday"), ("3", "birthday"), ("4", "birthday"), ("5", "joined_on"), ("6", "birthday")],
            ),
            (
                "customers",
                "id,country,phone\nC2,CN,10086\nC3,US,13812345678901\nC4,GB,+999123456\nC5,QQ,13812345678\nC6,CN,1.38E+10\n",
                [("2", "phone"), ("3", "phone"), ("4", "phone"), ("5", "country"), ("6", "phone")],
            ),
            (
                "subscriptions",
                "id,customer,started_on,ends_at\nS1,C1,2020-13-01,\nS2,C1,,2026-12-20T25:00\nS3,C9,,\n",
                [("2", "started_on"), ("3", "ends_at"), ("4", "customer")],
            ),
            (
                "consents",
                """customer,purpose,channel,given,at,source,wording
C1,offer,sms,true,2026-02-30,shop,yes
C1,offer,fax,true,2026-02-20,shop,yes
C1,offer,sms,true,2099-01-01,shop,yes
C1,offer,sms,true,2026-02-20,,
""",
                [("2", "at"), ("3", "channel"), ("4", "at"), ("5", "source; wording")],
            ),
        ],
    )
    def test_with_impossible_cells_name_row_and_column(
        self, shop: Shop, kind: str, text: str, places: list[tuple[str, str]]
    ) -> None:
        """Impossible dates, foreign numbers, strangers: exit 1, one line a row, and no row of any table changes."""
        shop.write("bad.csv", text)
        before = shop.rows()

        answer = shop.care("import", kind, "bad.csv")

        assert answer.code == 1
        told = [line.partition(":")[0] for line in answer.err.splitlines()]
        assert told == [*(f"row {row}, {column}" for row, column in places), "Rejected rows with reasons"]
        assert rejects(shop, "bad.csv") == places
        assert shop.rows() == before

    def test_with_numbers_of_other_countries_keep_them_whole(self, shop: Shop) -> None:
        """A foreign number with its country code, or of the row's country, is as good as one of ours."""
        shop.write("abroad.csv", "id,country,phone\nC2,CN,+1 650 253 0000\nC3,GB,020 7946 0958\nC4,TW,0912345678\n")

        answer = shop.care("import", "customers", "abroad.csv")

        assert (answer.code, answer.err) == (0, "")
        assert "+442079460958" in shop.care("customers", "show", "C3", "--plain").out


class TestStrangers:
    COMMANDS = (
        ("why",),
        ("log", "--customer"),
        ("customers", "show"),
        ("segments", "explain", "valued", "--customer"),
        ("campaigns", "preview", "birthday", "--customer"),
    )

    def test_are_not_repeated_where_a_number_or_an_address_was_typed(self, shop: Shop) -> None:
        """An id is; what somebody pasted for one is kept out of the error text, which may go into a log."""
        fix = "Check the id, or import: care import customers FILE"
        for words in self.COMMANDS:
            for typed, told in (("+8613912345678", "861****5678"), ("ann@example.com", "***"), ("ZZ", "ZZ")):
                assert is_refused(shop, *words, typed, code=1) == f"care: customer '{told}': not known. {fix}"
