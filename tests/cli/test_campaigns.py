import json
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.base.database import open_engine, write
from care.customers.tables import customer
from tests.campaigns.conftest import with_line
from tests.factories import make_customer


@pytest.fixture
def house(care, tmp_path: Path) -> Path:
    """A working folder as `care init` makes it, with one customer, C1."""
    assert care("init", ".").code == 0
    engine = open_engine(f"sqlite:///{tmp_path / 'care.db'}")
    with write(engine) as conn:
        make_customer(conn, external_id="C1", birth_mmdd=1001, phone="+8613800138000", email="wang@example.com")
    engine.dispose()
    return tmp_path


class TestCampaignsCheck:
    def test_accepts_what_init_made(self, care, house) -> None:
        """A fresh folder is sound; warnings do not fail it."""
        answer = care("campaigns", "check")

        assert (answer.code, answer.err) == (0, "")
        assert "0 errors" in answer.out

    def test_ends_with_1_on_an_error_and_names_its_place(self, care, house) -> None:
        """A wrong segment is one line on stderr: where, what, what to do."""
        (house / "campaigns/wrong.yaml").write_text(
            with_line(
                "audience", "audience: {any: [valud]}", with_line("id", "id: wrong", with_line("name", "name: wrong"))
            ),
            encoding="utf-8",
        )

        answer = care("campaigns", "check")

        assert answer.code == 1
        assert answer.err.endswith("wrong.yaml:6:18: error: segment 'valud' is not known. Did you mean 'valued'?\n")

    def test_ends_with_2_on_a_file_that_is_not_yaml(self, care, house) -> None:
        """So does a path that is not there."""
        (house / "campaigns/wrong.yaml").write_text("name: [x", encoding="utf-8")

        assert care("campaigns", "check", "campaigns/wrong.yaml").code == 2
        assert care("campaigns", "check", "nowhere.yaml").code == 2
        assert care("campaigns", "check", "campaigns/birthday.yaml").code == 0

    def test_prints_one_object_per_finding(self, care, house) -> None:
        """For programs: severity, rule, file, line, column, problem, fix."""
        (house / "campaigns/birthday.yaml").write_text(with_line("purpose", "purpose: service"), encoding="utf-8")

        answer = care("campaigns", "check", "campaigns/birthday.yaml", "--json")

        rows = [json.loads(line) for line in answer.out.splitlines()]
        assert {"severity", "rule", "campaign", "file", "line", "column", "problem", "fix"} == set(rows[0])
        assert [row["rule"] for row in rows if row["severity"] == "error"] == ["file"]

    def test_lists_what_a_template_may_use(self, care, house) -> None:
        """For its occasion and from its own values; of one campaign with who gives each."""
        lines = care("campaigns", "check", "campaigns/tenure_anniversary.yaml", "campaigns/renewal_t7.yaml").out
        listed = dict(re.findall(r"^  (\S+(?: \S+)*)  +(\S.*)$", lines, re.MULTILINE))
        shown = json.loads(care("campaigns", "show", "renewal_t7", "--json").out)["variables"]

        assert set(listed) == {
            *("always", "in mails", "occasion subscription_end", "occasion tenure"),
            *("values of renewal_t7", "values of tenure_anniversary"),
        }
        assert listed["in mails"] == "preferences_url, survey_url, unsubscribe_url"
        assert {"salutation", "brand"} <= set(listed["always"].split(", "))
        assert {"end_date", "days_left"} <= set(listed["occasion subscription_end"].split(", "))
        assert listed["values of renewal_t7"] == "offer"
        assert (shown["offer"], shown["end_date"], shown["name"]) == ("campaign's `values`", "occasion", "customer")
        of_all = [name for source in ("always", "in mails") for name in listed[source].split(", ")]
        assert set(shown) == {*of_all, *listed["occasion subscription_end"].split(", "), "offer"}

    def test_tells_programs_of_broken_segments_too(self, care, house) -> None:
        """Each mistake with its place, as those of campaign files; people read the same as lines."""
        assert json.loads(care("campaigns", "check", "nowhere.yaml", "--json").out)["problem"] == "is not there"
        book = "loyal:\n  tenur_years: {at_least: 5}\ngold:\n  tier: {is: x}\n"
        (house / "campaigns/segments.yaml").write_text(book, encoding="utf-8")

        answer = care("campaigns", "check", "--json")

        rows = [json.loads(line) for line in answer.out.splitlines()]
        assert (answer.code, answer.err) == (2, "")
        assert [(Path(row["file"]).name, row["line"], row["severity"], row["rule"]) for row in rows] == [
            ("segments.yaml", line, "error", "file") for line in (2, 4)
        ]
        assert all(row["problem"] and row["fix"] and row["column"] for row in rows)
        lines = care("campaigns", "check").err.splitlines()
        assert [row["problem"] in line for row, line in zip(rows, lines, strict=True)] == [True, True]

    def test_needs_no_database_and_makes_none(self, care, house) -> None:
        """Files are checked on a laptop that has nothing else."""
        (house / "care.db").unlink()

        assert care("campaigns", "check", "campaigns/birthday.yaml").code == 0
        assert not (house / "care.db").exists()


class TestCampaignsShow:
    def test_reads_a_campaign_aloud(self, care, house) -> None:
        """People read sentences; programs read the same answers by name."""
        answer = care("campaigns", "show", "mid_autumn")
        told = json.loads(care("campaigns", "show", "mid_autumn", "--json").out)

        assert "Who:      customers who are valued, but not business." in answer.out
        assert told["left_out"] == "5% of the households in group 'festivals', to measure the effect."

    def test_helps_with_a_wrong_name(self, care, house) -> None:
        """Exit 1 and the nearest name."""
        answer = care("campaigns", "show", "mid_autum")

        assert (answer.code, answer.err) == (
            1,
            "care: campaign 'mid_autum' is not known. Did you mean 'mid_autumn'?\n",
        )

    def test_lists_with_states_and_goes_on_past_a_broken_file(self, care, house) -> None:
        """One broken file is told, the others are listed."""
        (house / "campaigns/wrong.yaml").write_text("name: [x", encoding="utf-8")
        care("campaigns", "pause", "qixi")

        answer = care("campaigns", "list", "--json")
        states = {row["name"]: row["state"] for row in map(json.loads, answer.out.splitlines())}

        assert answer.code == 1
        assert "wrong.yaml:1:9" in answer.err
        assert (states["qixi"], states["birthday"], len(states)) == ("paused", "live", 20)


class TestCampaignsPreview:
    def test_shows_a_customers_texts_without_the_address(self, care, house) -> None:
        """Both channels, parts and dear characters; phone and mail are masked."""
        answer = care("campaigns", "preview", "birthday", "--customer", "C1")

        assert answer.code == 0
        assert "C1: birthday:solar-" in answer.out
        assert "[sms to +86 138" in answer.out
        assert "1 part of UCS-2]" in answer.out
        assert "[email to w***@example.com, zh-CN]" in answer.out
        assert "13800138000" not in answer.out

    def test_says_who_is_not_known(self, care, house) -> None:
        """Exit 1 and what to do."""
        answer = care("campaigns", "preview", "birthday", "--customer", "C9")

        assert (answer.code, answer.out) == (1, "")
        assert "customer 'C9': not known" in answer.err


class TestCampaignsSchema:
    def test_is_json_for_editors(self, care, house) -> None:
        """The same as the file beside the campaigns."""
        shipped = json.loads((house / "campaigns/campaign.schema.json").read_text(encoding="utf-8"))

        assert json.loads(care("campaigns", "schema").out) == shipped


class TestCampaignsPause:
    def test_is_lifted_by_resume(self, care, house) -> None:
        """Until a day, or until resumed; resuming what runs is a no."""
        assert care("campaigns", "pause", "birthday", "--until", "2030-01-01").out == (
            "birthday is paused until 2030-01-01 00:00\n"
        )
        assert json.loads(care("campaigns", "show", "birthday", "--json").out)["state"] == "paused"
        assert care("campaigns", "resume", "birthday").out == "birthday goes on\n"
        assert care("campaigns", "resume", "birthday").code == 1

    def test_differs_from_cancel(self, care, house) -> None:
        """Cancelled campaigns say so until they are resumed."""
        assert json.loads(care("campaigns", "cancel", "birthday", "--json").out) == {
            "campaign": "birthday",
            "cancelled": 0,
            "in_work": 0,
        }
        assert json.loads(care("campaigns", "show", "birthday", "--json").out)["state"] == "cancelled"
        assert care("campaigns", "resume", "birthday").code == 0


class TestCampaignsSendProof:
    def test_sends_one_message_past_the_ledger(self, care, house) -> None:
        """The sandbox takes it; the ledger stays empty."""
        answer = care("campaigns", "send-proof", "birthday", "--to", "13800138001", "--customer", "C1")

        assert (answer.code, answer.out) == (0, "sent by sms, 1 part\n")
        engine = open_engine(f"sqlite:///{house / 'care.db'}")
        with engine.connect() as conn:
            assert conn.execute(sa.text("select count(*) from message")).scalar_one() == 0
            assert conn.execute(sa.select(sa.func.count()).select_from(customer)).scalar_one() == 1
        engine.dispose()

    def test_keeps_to_the_list_of_a_trial(self, care, house) -> None:
        """A proof is a real message, so a trial's list holds for it too."""
        answer = care(
            "campaigns", "send-proof", "birthday", "--to", "me@example.com", CARE_TRIAL__ONLY_TO='["you@example.com"]'
        )

        assert answer.code == 1
        assert "the address is not in trial.only_to" in answer.err

    def test_refuses_what_is_no_address(self, care, house) -> None:
        """Exit 2: the argument is wrong."""
        assert care("campaigns", "send-proof", "birthday", "--to", "12").code == 2
