import json
from datetime import time, timedelta
from pathlib import Path

import pytest

from care.base.errors import FileError, ManyErrors
from care.base.vocabulary import Channel, Purpose
from care.campaigns.campaign_set import UnknownCampaignError
from care.campaigns.load import load_campaigns
from care.campaigns.model import Holdout
from care.campaigns.schema import json_schema
from care.segments.book import SegmentBook
from care.segments.load import load_segments
from care.surveys.occasion import OCCASIONS
from tests.campaigns.conftest import BIRTHDAY, with_line
from tests.segments.all_fields import ALL_FIELDS


def lines_of(found) -> list[str]:
    """Return the problems without the folder."""
    return [problem.path.name + str(problem).removeprefix(str(problem.path)) for problem in found.problems]


class TestLoadCampaigns:
    def test_reads_every_key(self, load_one) -> None:
        """A file with every key becomes the campaign it describes."""
        campaign = load_one(BIRTHDAY)

        assert (campaign.id, campaign.name, campaign.owner) == ("birthday", "birthday", "marketing")
        assert campaign.title == {"en": "Birthday wishes", "zh-CN": "生日祝福"}
        assert campaign.purpose is Purpose.GREETING
        assert campaign.channels == (Channel.SMS, Channel.EMAIL)
        assert campaign.use_within == timedelta(hours=8)
        assert campaign.holdout == Holdout(share=0.05, group="birthday")
        assert campaign.values == {"benefit": {"zh-CN": "10GB流量", "en": "10 GB extra data"}}
        assert campaign.occasion.kind == "birthday"
        assert campaign.path is not None
        assert campaign.path.name == "a.yaml"

    def test_takes_the_name_for_a_missing_id_and_group(self, load_one) -> None:
        """A short file is a whole campaign: id and hold-out group follow the name."""
        campaign = load_one(with_line("holdout", "holdout: {share: 2.5%}", with_line("id", "")))

        assert campaign.id == "birthday"
        assert campaign.holdout == Holdout(share=0.025, group="birthday")

    def test_takes_one_text_for_all_locales(self, load_one) -> None:
        """A value without locales is kept under the empty locale, numbers as text."""
        campaign = load_one(with_line("values", "values: {term: 12 months, gigabytes: 10}"))

        assert campaign.values == {"term": {"": "12 months"}, "gigabytes": {"": "10"}}

    def test_reads_an_unquoted_time(self, load_one) -> None:
        """YAML 1.2 reads 10:30 as text; no sexagesimal number comes of it."""
        campaign = load_one(with_line("occasion", "occasion: {kind: birthday, at: 10:30}"))

        assert campaign.occasion.at == time(10, 30)

    @pytest.mark.parametrize(
        ("text", "length"),
        [("8h", timedelta(hours=8)), ("30d", timedelta(days=30)), ("2h30m", timedelta(minutes=150))],
    )
    def test_reads_durations(self, load_one, text: str, length: timedelta) -> None:
        """Days, hours and minutes, alone and together."""
        assert load_one(with_line("use_within", f"use_within: {text}")).use_within == length

    def test_leaves_segments_and_hidden_files_alone(self, load, tmp_path: Path) -> None:
        """Only campaign files are campaigns."""
        (tmp_path / "campaigns").mkdir()
        for name in ("segments.yaml", ".draft.yaml", "_parts.yaml", "notes.txt"):
            (tmp_path / "campaigns" / name).write_text("no: campaign", encoding="utf-8")

        found = load(BIRTHDAY)

        assert [campaign.id for campaign in found] == ["birthday"]
        assert not found.problems

    def test_refuses_a_folder_that_is_not_there(self, tmp_path: Path, book: SegmentBook) -> None:
        """A wrong setting is one line that says what to set."""
        with pytest.raises(FileError, match="is not a folder. Set paths.campaigns"):
            load_campaigns(tmp_path / "nowhere", book)


class TestMistakes:
    @pytest.mark.parametrize(
        ("key", "line", "expected"),
        [
            ("name", "nam: birthday", "a.yaml:2:1: the key 'nam' is not known. Did you mean 'name'?"),
            ("name", "", "a.yaml:1:1: the key 'name' is missing. Add name: birthday"),
            ("id", "id: Birthday 1", "a.yaml:1:1: 'Birthday 1' is not a name. Use small letters, digits, "),
            ("purpose", "purpose: greating", "a.yaml:5:1: 'greating' is not a purpose. Did you mean 'greeting'?"),
            ("audience", "audience: {any: [loyl]}", "a.yaml:6:18: segment 'loyl' is not known. Did you mean 'loyal'?"),
            ("audience", "audience: loyl", "a.yaml:6:1: segment 'loyl' is not known. Did you mean 'loyal'?"),
            ("audience", "audience:", "a.yaml:6:1: 'audience' is empty. Name a segment, or 'everyone'"),
            ("audience", "", "a.yaml:1:1: the key 'audience' is missing. Add audience: {any: [high_value, "),
            ("channels", "channels: [sms, fax]", "a.yaml:8:17: 'fax' is not a channel. Known: email, sms"),
            ("channels", "channels: []", "a.yaml:8:1: 'channels' is empty. Name at least one"),
            ("channels", "channels: sms", "a.yaml:8:1: 'channels' is not a list such as [sms, email]. Write a list"),
            ("channels", "channels: [sms, sms]", "a.yaml:8:1: a channel is named twice. Name each channel once"),
            ("use_within", "use_within: 8 hours", "a.yaml:10:1: '8 hours' is not a duration. Write it as 8h, 30d"),
            ("use_within", "use_within: 0h", "a.yaml:10:1: '0h' is no time at all. Write a duration such as 8h"),
            ("use_within", "use_within:", "a.yaml:10:1: 'use_within' is empty. Give it a value, or remove the line"),
            ("holdout", "holdout: {share: 5}", "a.yaml:11:11: '5' is not a share. Write it as 5%"),
            ("holdout", "holdout: {share: 100%}", "a.yaml:11:11: '100%' is not a share. Write it as 5%"),
            ("holdout", "holdout: {grup: x}", "a.yaml:11:1: the key 'share' is missing. Add share: 5%"),
            ("values", "values: {b: {zh_CN: x}}", "a.yaml:12:14: 'zh_CN' is not a locale. Write it as en, zh-CN"),
            ("values", "values: {b: {xx: x}}", "a.yaml:12:14: 'xx' is not a locale that exists. Write it as en"),
            ("values", "values: {my-benefit: x}", "a.yaml:12:1: 'my-benefit' cannot be a variable of a template"),
            ("template", "template: ../x", "a.yaml:9:1: '../x' is not a template name. Use the folder's name"),
            ("occasion", "occasion: {kind: brithday}", "a.yaml:7:12: occasion kind 'brithday' is not known. Did you "),
            ("occasion", "occasion: {at: 10:00}", "a.yaml:7:1: the occasion has no 'kind'. Add kind: one of birthday"),
            ("occasion", "occasion: birthday", "a.yaml:7:1: 'occasion' is not keys with values. Write keys"),
            (
                "occasion",
                "occasion: {kind: birthday, at: 25:00}",
                "a.yaml:7:28: '25:00' is not a time of day. Write it as",
            ),
            (
                "occasion",
                "occasion: {kind: birthday, feb29: feb27}",
                "a.yaml:7:28: 'feb29' cannot be 'feb27'. Did you mean 'feb28'?",
            ),
            (
                "occasion",
                "occasion: {kind: holiday, name: mid_autum}",
                "a.yaml:7:27: festival 'mid_autum' is not known. Did you mean 'mid_autumn'?",
            ),
            (
                "occasion",
                "occasion: {kind: date, on: 2027-02-30}",
                "a.yaml:7:28: '2027-02-30' is not a date that exists.",
            ),
            ("occasion", "occasion: {kind: tenure}", "a.yaml:7:1: it needs either 'years' or 'every_from'. Write"),
            (
                "occasion",
                'occasion: {kind: every, cron: "0 25 * * *"}',
                "a.yaml:7:25: cron line '0 25 * * *': hour '25' is not between 0 and 23.",
            ),
            (
                "occasion",
                "occasion: {kind: subscription_end, before: [30 days]}",
                "a.yaml:7:45: '30 days' is not a lead. Write days as 30d",
            ),
        ],
    )
    def test_point_at_their_place(self, load, key: str, line: str, expected: str) -> None:
        """Each mistake is one line: file, line, column, what is wrong, what to write."""
        found = load(with_line(key, line))

        assert any(said.startswith(expected) for said in lines_of(found)), lines_of(found)
        assert not found.live

    def test_are_all_told_in_one_pass(self, load) -> None:
        """Nobody mends a file one mistake per run."""
        text = with_line("purpose", "purpose: x", with_line("channels", "channels: [fax]"))
        found = load(with_line("audience", "audience: [nobody_known, {tenure_yeers: 5}]", text))

        assert [said.split(": ")[0] for said in lines_of(found)] == [
            "a.yaml:5:1",
            "a.yaml:6:12",
            "a.yaml:6:27",
            "a.yaml:8:12",
        ]

    def test_are_raised_together_where_soundness_is_required(self, load) -> None:
        """A check that must stop raises every line at once, with exit code 2."""
        found = load(with_line("purpose", "purpose: x"), with_line("channels", "channels: []"))

        with pytest.raises(ManyErrors) as raised:
            found.require_sound()

        assert raised.value.exit_code == 2
        assert len(raised.value.errors) == 2

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("name: [birthday", "a.yaml:1:16: "),
            ("- a\n- b\n", "a.yaml:1: is not a mapping of keys to values."),
            ("name: a\nname: b\n", "a.yaml:2:1: "),
            ("name: !!python/name:os.system x\n", "a.yaml"),
        ],
    )
    def test_in_yaml_itself_have_a_place_too(self, load, text: str, expected: str) -> None:
        """What is not YAML, not a mapping, doubled or tagged is refused with its place."""
        assert lines_of(load(text))[0].startswith(expected)

    def test_in_the_encoding_have_a_line(self, load, tmp_path: Path, book: SegmentBook) -> None:
        """A file saved as GBK is named with the line where it shows."""
        load()
        (tmp_path / "campaigns" / "gbk.yaml").write_bytes(b"name: x\ntitle: " + "生日".encode("gbk"))

        found = load_campaigns(tmp_path / "campaigns", book)

        assert lines_of(found) == ["gbk.yaml:2: is not UTF-8. Save the file as UTF-8"]


class TestCampaignSet:
    def test_goes_on_with_the_sound_files(self, load) -> None:
        """One broken file stops itself only, and its id is remembered."""
        other = with_line("name", "name: other", with_line("id", "id: other"))
        found = load(BIRTHDAY, with_line("purpose", "purpose: x", other))

        assert list(found.live) == ["birthday"]
        assert found.broken_ids == {"other"}
        assert found.is_broken("other")
        assert not found.is_broken("birthday")
        assert not found.is_broken("never_seen")

    def test_takes_any_unknown_id_for_broken_when_a_file_hides_its_own(self, load) -> None:
        """A file that cannot even be read for its id must not let a campaign look withdrawn."""
        found = load(BIRTHDAY, "}{")

        assert found.is_broken("renewal")
        assert not found.is_broken("birthday")

    def test_holds_both_of_two_files_with_one_id(self, load) -> None:
        """A copied file whose id was forgotten sends nothing under either's words."""
        found = load(BIRTHDAY, with_line("name", "name: birthday_two"))

        assert not found.live
        assert [problem.path.name for problem in found.problems] == ["a.yaml", "b.yaml"]
        assert "a.yaml:1:1: id 'birthday' is also in" in lines_of(found)[0]
        assert found.is_broken("birthday")

    def test_holds_both_of_two_files_with_one_name(self, load) -> None:
        """Commands take names, so a name means one campaign."""
        found = load(BIRTHDAY, with_line("id", "id: other"))

        assert "b.yaml:2:1: name 'birthday' is also in" in lines_of(found)[1]
        assert found.broken_ids == {"birthday", "other"}

    def test_finds_a_campaign_by_name_or_id(self, load) -> None:
        """People may use either; a wrong word gets the nearest one."""
        found = load(with_line("id", "id: bd-2024"))

        assert found.named("birthday") is found.named("bd-2024")
        with pytest.raises(UnknownCampaignError, match="campaign 'brthday' is not known. Did you mean 'birthday'?"):
            found.named("brthday")

    def test_knows_the_replies_that_have_no_file(self, load) -> None:
        """Messages of built-in reply campaigns find their rules; a withdrawn campaign finds none."""
        found = load(BIRTHDAY)
        reply = found.for_message("reply:optout_confirm")

        assert reply is not None
        assert (reply.purpose, reply.channels, reply.template) == (Purpose.REPLY, (Channel.SMS,), "optout_confirm")
        assert reply.use_within == timedelta(minutes=30)
        assert found.for_message("gone") is None
        assert found.for_message("reply:") is None


class TestDigest:
    def test_changes_with_what_is_sent_and_to_whom(self, load_one) -> None:
        """Every key but the names for people makes it another campaign."""
        same = load_one(BIRTHDAY).digest
        changed = {
            load_one(with_line(line.partition(":")[0], line)).digest
            for line in (
                "audience: loyal",
                "purpose: offer",
                'occasion: {kind: birthday, at: "11:00"}',
                "channels: [sms]",
                "template: birthday_gift",
                "use_within: 9h",
                "holdout: {share: 6%}",
                "values: {benefit: {zh-CN: 10GB流量, en: 12 GB extra data}}",
            )
        }

        assert len(changed) == 8
        assert same not in changed
        assert len(same) == 16

    def test_stays_with_names_order_and_comments(self, load_one) -> None:
        """A rename, an owner, a title or another layout alters nothing that is sent."""
        same = load_one(BIRTHDAY).digest
        reordered = "# moved\n" + "\n".join(reversed(BIRTHDAY.splitlines()))

        assert load_one(reordered).digest == same
        for line in ("name: wishes", "title: Wishes", "owner: care team"):
            assert load_one(with_line(line.partition(":")[0], line)).digest == same

    def test_follows_the_texts_of_the_template(self, load) -> None:
        """An edited text is an edited campaign."""
        one = load(BIRTHDAY, template_digest=lambda name: f"{name} 1").named("birthday")
        two = load(BIRTHDAY, template_digest=lambda name: f"{name} 2").named("birthday")

        assert one.digest != two.digest

    def test_follows_the_rule_behind_a_segment(self, load, tmp_path: Path) -> None:
        """A segment that now means something else changes who is written to."""
        before = load(BIRTHDAY).named("birthday").digest
        path = tmp_path / "segments-of-test.yaml"
        path.write_text("loyal: {tenure_years: {at_least: 6}}\n", encoding="utf-8")

        found = load_campaigns(tmp_path / "campaigns", load_segments(path))

        assert found.named("birthday").digest != before


class TestJsonSchema:
    def test_describes_every_kind_and_key(self) -> None:
        """Editors complete keys and kinds from it."""
        schema = json_schema()

        assert {"id", "name", "occasion", "use_within"} <= set(schema["properties"])
        kinds = schema["properties"]["occasion"]["discriminator"]["mapping"]
        assert set(kinds) == {"birthday", "holiday", "tenure", "date", "every", "subscription_end"}
        assert schema["additionalProperties"] is False

    def test_is_shipped_as_it_is(self) -> None:
        """The file that editors read beside the campaigns is the one the command prints, with all kinds there are."""
        shipped = Path(__file__).parents[2] / "campaigns/campaign.schema.json"

        assert json.loads(shipped.read_text(encoding="utf-8")) == json_schema(OCCASIONS, fields=ALL_FIELDS)
