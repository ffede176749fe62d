from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import ClassVar

import pytest

from care.base.settings import Settings
from care.campaigns.campaign_set import CampaignSet
from care.campaigns.check import check_campaigns, has_errors
from care.campaigns.checks.context import CheckContext, KnownCampaign
from care.campaigns.checks.findings import Finding, Severity
from care.campaigns.checks.keywords import asked_words, check_two_way
from care.campaigns.checks.promotion import promoting_words, without_words
from care.campaigns.load import load_campaigns
from care.campaigns.templates import TemplateLibrary
from care.policy.load import load_policies
from care.segments.load import load_segments
from care.surveys.occasion import OCCASIONS
from tests.campaigns.conftest import BIRTHDAY, with_line

ROOT = Path(__file__).parents[2]
RULES_OF_TEXTS = ("template", "promotion", "keyword", "link", "parts", "scale")
PLAIN = "{{ salutation }}，祝您生日快乐。"
SERVICE = with_line("holdout", "", with_line("purpose", "purpose: service"))
TODAY = date(2026, 11, 22)


@pytest.fixture
def check(load, tmp_path: Path) -> Callable[..., list[Finding]]:
    """Check campaigns whose template `birthday` says `zh`, and `en` where given, by SMS only."""

    def checking(
        *texts: str,
        zh: str = PLAIN,
        en: str = "",
        settings: dict[str, object] | None = None,
        known: tuple[KnownCampaign, ...] = (),
    ) -> list[Finding]:
        folder = tmp_path / "templates" / "birthday"
        folder.mkdir(parents=True, exist_ok=True)
        for locale, words in (("zh-CN", zh), ("en", en)):
            if words:
                (folder / f"{locale}.sms.txt.j2").write_text(words, encoding="utf-8")
        context = CheckContext(
            library=TemplateLibrary(tmp_path / "templates"),
            policies=load_policies(),
            settings=Settings.model_validate(settings or {}),
            today=TODAY,
            known=known,
        )
        return check_campaigns(load(*(with_line("channels", "channels: [sms]", text) for text in texts)), context)

    return checking


def rules_of(findings: list[Finding]) -> list[tuple[str, str]]:
    """Return (severity, rule) of each."""
    return [(str(finding.severity), finding.rule) for finding in findings]


def shipped(settings: dict[str, object] | None = None) -> tuple[CampaignSet, CheckContext]:
    """Return what comes with the product, and its surroundings under these settings."""
    library = TemplateLibrary(ROOT / "templates/messages")
    book = load_segments(ROOT / "campaigns/segments.yaml")
    campaigns = load_campaigns(ROOT / "campaigns", book, template_digest=library.digest, kinds=OCCASIONS)
    given = Settings.model_validate(settings or {})
    return campaigns, CheckContext(library=library, policies=load_policies(), settings=given, today=TODAY)


class TestCheckCampaigns:
    def test_finds_nothing_in_a_sound_campaign(self, check) -> None:
        """Silence means sound."""
        assert check(BIRTHDAY) == []

    def test_tells_broken_files_with_their_place(self, check) -> None:
        """What the loader refuses is a finding like any other."""
        (found,) = check(with_line("purpose", "purpose: x"))

        assert str(found).endswith(
            "a.yaml:5:1: error: 'x' is not a purpose. Known: emergency, greeting, offer, reply, service, survey"
        )
        assert has_errors([found])

    def test_accepts_every_shipped_campaign(self) -> None:
        """What comes with the product has no error, and no warning but length and one import column."""
        campaigns, context = shipped()

        findings = check_campaigns(campaigns, context)

        assert not campaigns.problems
        assert [str(finding) for finding in findings if finding.severity is Severity.ERROR] == []
        assert {finding.rule for finding in findings} <= {"parts", "brand", "template"}
        assert all("2 SMS parts" in finding.problem for finding in findings if finding.rule == "parts")

    def test_tells_a_value_of_several_lines_in_one(self, check) -> None:
        """One line each is what editors read."""
        (found,) = check(with_line("purpose", 'purpose: "greet\\ning"'))

        assert str(found).count("\n") == 0
        assert "'greet ing' is not a purpose" in str(found)


class TestTexts:
    def test_must_exist(self, check) -> None:
        """A campaign without texts sends nothing; the nearest folder is named."""
        (found,) = check(with_line("template", "template: brithday"))

        assert str(found).endswith("a.yaml:9:1: error: there is no template 'brithday'. Did you mean 'birthday'?")

    def test_in_another_language_only_are_a_warning(self, check, tmp_path: Path) -> None:
        """The operator's customers would read English."""
        findings = check(BIRTHDAY, zh="", en="Happy birthday, {{ first_name }}!")

        assert ("warning", "template") in rules_of(findings)
        assert "has no sms text for zh-CN; en is sent instead" in findings[0].problem

    def test_with_a_misspelt_variable_are_an_error(self, check) -> None:
        """Nobody would ever get it."""
        (found,) = check(BIRTHDAY, zh="{{ salutaton }}，祝您生日快乐。")

        assert (found.severity, found.fix) == (Severity.ERROR, "Did you mean 'salutation'?")

    def test_with_a_variable_of_the_import_only_are_a_warning(self, check) -> None:
        """It may well be a column of the operator's own."""
        (found,) = check(BIRTHDAY, zh="{{ salutation }}，{{ shop_name }}祝您生日快乐。")

        assert rules_of([found]) == [("warning", "template")]
        assert "'shop_name' comes from no campaign" in found.problem

    def test_whose_value_lacks_their_language_are_an_error(self, check) -> None:
        """English customers would be skipped for want of a word."""
        findings = check(
            with_line("values", "values: {wish: {zh-CN: 快乐}}"),
            zh="{{ salutation }}，{{ wish }}。",
            en="Dear {{ first_name }}, {{ wish }}.",
        )

        (found,) = [finding for finding in findings if finding.rule == "values"]
        assert (found.line, found.severity) == (12, Severity.ERROR)
        assert found.problem == "the value 'wish' has no words for en"

    def test_that_cannot_be_read_are_told_with_their_line(self, check) -> None:
        """A broken tag is the template's mistake, told once."""
        (found,) = check(BIRTHDAY, zh="第一行\n{{ salutation }，祝您生日快乐。")

        assert found.severity is Severity.ERROR
        assert "zh-CN.sms.txt.j2:2" in found.place

    def test_of_two_parts_are_a_warning_and_of_three_an_error(self, check) -> None:
        """With prefix, opt-out suffix and long names, as the carrier bills it."""
        two, three = "生日快乐" * 15, "生日快乐" * 33

        assert rules_of(check(BIRTHDAY, zh=two)) == [("warning", "parts")]
        assert rules_of(check(BIRTHDAY, zh=three)) == [("error", "parts")]

    def test_name_the_one_character_that_makes_them_dear(self, check) -> None:
        """One curly quote turns an English text into UCS-2."""
        text = "Happy birthday, {{ first_name }}! We hope you\u2019ll have a lovely day with your friends and family."
        settings = {"operator": {"brand": "Hailan", "locale": "en", "country": "GB", "timezone": "Europe/London"}}

        (found,) = check(BIRTHDAY, zh="", en=text, settings=settings)

        assert found.fix.startswith("Replace \u2019: one alone makes every character dearer")

    def test_that_only_the_brand_makes_dear_are_told_once(self, check) -> None:
        """A Chinese name before English texts is one decision, not one finding per text."""
        findings = check(BIRTHDAY, en="Happy birthday, {{ first_name }}! Have a lovely day.")

        assert rules_of(findings) == [("warning", "brand")]


class TestKeywords:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("满意请回复R，不满意请回复N", ["R", "N"]),
            ("请回复“续约”办理", ["续约"]),
            ("直接回复数字即可，5很满意 1很不满意", ["数字即可"]),
            ("Reply YES to renew", ["YES"]),
            ("Please reply with 'CANCEL' to stop the renewal", ["CANCEL"]),
            ("Text INFO for details", ["INFO"]),
            ("Reply 5 (very satisfied) to 1", ["5"]),
            ("Y to confirm", ["Y"]),
            ("We replied to your letter", []),
        ],
    )
    def test_are_found_in_what_a_text_asks_for(self, text: str, words: list[str]) -> None:
        """Chinese and English ways to ask for an answer."""
        assert asked_words(text) == words

    @pytest.mark.parametrize(
        ("zh", "en", "word"),
        [
            ("祝您生日快乐，回复R领取祝福。", "", "R"),
            ("祝您生日快乐，回复TD退订。", "", "TD"),
            (PLAIN, "Happy birthday! Reply YES to say hello.", "YES"),
            (PLAIN, "Happy birthday! Text INFO for more.", "INFO"),
            (PLAIN, "Happy birthday! Reply END to finish.", "END"),
        ],
    )
    def test_that_opt_out_may_not_be_asked_for(self, check, zh: str, en: str, word: str) -> None:
        """A customer who answers as told would be silenced, or never heard."""
        findings = [f for f in check(BIRTHDAY, zh=zh, en=en) if f.rule == "keyword"]

        assert len(findings) == 1
        assert f"the reply '{word}'" in findings[0].problem
        assert findings[0].severity is Severity.ERROR

    def test_leave_digits_and_the_suffix_alone(self, check) -> None:
        """Scores are fine, and the opt-out that the policy adds is no collision."""
        assert check(BIRTHDAY, zh="生日快乐！收到请回复1。") == []


class TestTwoWay:
    TWILIO: ClassVar = {
        "sms": {"provider": "twilio"},
        "twilio": {"account_sid": "AC1", "auth_token": "x", "from_number": "+15005550006"},
        "operator": {"public_url": "https://care.example"},
        "security": {"secret_key": "k" * 32, "suppression_key": "s" * 32},
    }

    def test_is_needed_where_an_answer_is(self, check) -> None:
        """Mainland China takes no replies to an international gateway, so a survey there cannot work."""
        survey = with_line("purpose", "purpose: survey")

        findings = check(survey, zh="请评价：5很满意，1很不满意，直接回复数字。", settings=self.TWILIO)

        assert ("error", "two_way") in rules_of(findings)
        assert "China takes no replies" in findings[0].problem

    def test_is_not_needed_by_what_goes_by_mail_too(self) -> None:
        """The shipped surveys leave the SMS out there: they are asked by mail, and whoever has none is called."""
        campaigns, context = shipped(self.TWILIO)
        found = [one for each in campaigns if each.id == "repair_followup" for one in check_two_way(each, context)]

        assert {(str(one.severity), one.rule) for one in found} == {("warning", "two_way")}
        assert found[0].problem == (
            "in zh-CN it is answered by e-mail, not by SMS, as China takes no replies to an international gateway"
        )
        assert found[0].fix.startswith("Whoever has no e-mail address is called")

    def test_is_missed_by_the_way_to_opt_out_too(self, check) -> None:
        """A greeting that says 'reply R' where nobody can reply offers no way out."""
        (found,) = check(BIRTHDAY, settings=self.TWILIO)

        assert rules_of([found]) == [("warning", "two_way")]
        assert "its way to opt out needs an answer" in found.problem

    def test_is_not_there_behind_a_name(self, check) -> None:
        """An alphanumeric sender takes no replies anywhere."""
        survey = with_line("purpose", "purpose: survey")

        findings = check(survey, zh="请评价，直接回复数字。", settings={"senders": {"survey": "Hailan"}})

        assert "the sender of survey is a name" in findings[0].problem


class TestPlaces:
    @pytest.mark.parametrize(
        ("zh", "place", "problem"),
        [
            ("{# 优惠 #}\n{{ salutation }}，\n  优惠50%。", "3:3", "it names a benefit ('优惠')"),
            ("{# 优惠 #}\n{{ salutation }}，\n  优惠50%。", "3:5", "it names a percentage ('50%')"),
            ("{{ salutation }}1\n回复 1 或 YES。回复YES", "2:14", "it asks for the reply 'YES'"),
            ("{{ salutation }}。\n\n见 https://a.cn/x", "3:3", "it has a link ('https://')"),
            ("{{ salutation }}，{{ first_name }}您好！" + "好" * 300, "1:1", "with long names it is"),
            ("", "1:1", "is empty"),
            ("{{ salutation }}\n{% if first_name %}赠{% endif %}送", "1:1", "it names a benefit ('赠送')"),
            ("{{ salutation }}\n{% set x = 1 %}", "2:1", "{% set %}"),
        ],
    )  # fmt: skip
    def test_are_those_of_the_words_in_the_template(self, check, tmp_path: Path, zh, place, problem) -> None:
        """Line and column, whatever is filled in before; the file's beginning where they do not stand so."""
        (tmp_path / "templates/birthday").mkdir(parents=True)
        (tmp_path / "templates/birthday/zh-CN.sms.txt.j2").write_text("", encoding="utf-8")

        findings = [finding for finding in check(BIRTHDAY, zh=zh) if finding.rule in RULES_OF_TEXTS]

        assert all(finding.line and finding.column for finding in findings)
        assert any(
            f"zh-CN.sms.txt.j2:{place}: " in str(finding) and problem in finding.problem for finding in findings
        ), [str(finding) for finding in findings]


class TestPromotion:
    @pytest.mark.parametrize(
        ("text", "kinds"),
        [
            ("送您10GB流量", ["a benefit"]),
            ("套餐八五折优惠，仅99元", ["a benefit", "a price"]),
            ("现在续约享9.5折", ["a benefit"]),
            ("满意率升至86%", ["a percentage"]),
            ("降价百分之二十", ["a percentage"]),
            ("Enjoy a free gift", ["a benefit"]),
            ("20% off, now £9.99", ["a price", "a percentage"]),
            ("Call us toll-free, feel free to ask", []),
            ("you are free to cancel", []),
            ("山路曲折，感谢您送来的意见", []),
            ("元旦快乐，祝您新年好", []),
        ],
    )
    def test_is_told_from_plain_words(self, text: str, kinds: list[str]) -> None:
        """Gifts, prices and percentages, and what only looks like them."""
        assert [kind for kind, _ in promoting_words(text)] == kinds

    def test_is_shown_whole(self) -> None:
        """All the digits of a percentage."""
        assert promoting_words("立省 12.5% 或百分之二十") == [("a percentage", "12.5%")]
        assert promoting_words("降价百分之二十") == [("a percentage", "百分之二十")]

    def test_is_not_cut_by_what_the_occasion_filled_in(self) -> None:
        """A number is the customer's own where it stands alone."""
        text = "满5年，优惠50%，或5%，12.5折，5.5折，A5级，25元，每月99.90元"

        assert without_words(text, ("5", "99.90元", "")) == "满 … 年，优惠50%，或5%，12.5折，5.5折，A5级，25元，每月 … "

    def test_makes_a_greeting_an_offer(self, check) -> None:
        """It would be sent to people who agreed to greetings only."""
        (found,) = check(BIRTHDAY, zh="{{ salutation }}，生日快乐！送您{{ benefit }}。")

        assert found.severity is Severity.ERROR
        assert found.problem == "it names a benefit ('送您') but its purpose is greeting"
        assert check(with_line("purpose", "purpose: offer"), zh="生日快乐！送您{{ benefit }}。") == []

    def test_is_patient_with_a_price_in_a_notice(self, check) -> None:
        """A bill may name its amount; what the occasion itself gives is the customer's own contract."""
        ending = with_line("occasion", "occasion: {kind: subscription_end, before: [7d], auto_renew: only}", SERVICE)

        assert check(ending, zh="您的{{ plan }}将续费{{ amount }}。") == []
        assert rules_of(check(ending, zh="续费仅需88元。")) == [("warning", "promotion")]
        assert rules_of(check(ending, zh="续费有优惠。")) == [("error", "promotion")]


class TestLimits:
    def test_refuse_a_holdout_on_a_notice(self, check) -> None:
        """Everyone who is owed a notice gets it."""
        (found,) = check(with_line("purpose", "purpose: service"))

        assert str(found).partition("a.yaml")[2].startswith(":11:1: error: it leaves 5.0% out on purpose, but its ")

    def test_warn_of_a_holdout_of_more_than_half(self, check) -> None:
        """95% is 5% written the wrong way round."""
        assert rules_of(check(with_line("holdout", "holdout: {share: 95%}"))) == [("warning", "holdout")]

    def test_warn_of_a_greeting_on_another_day(self, check) -> None:
        """Happy birthday two days late is worse than nothing."""
        (found,) = check(with_line("use_within", "use_within: 2d"))

        assert (found.rule, found.line) == ("late", 10)

    def test_refuse_links_where_carriers_do(self, check) -> None:
        """International routes to China drop texts with links."""
        (found,) = check(BIRTHDAY, zh="生日快乐！详见 https://care.example/x")

        assert (found.rule, found.severity) == ("link", Severity.ERROR)

    def test_refuse_an_hour_at_which_nothing_may_be_sent(self, check) -> None:
        """A greeting due at 21:00 for two hours would expire every time."""
        late = with_line(
            "occasion", 'occasion: {kind: birthday, at: "21:00"}', with_line("use_within", "use_within: 2h")
        )

        (found,) = check(late)

        assert (found.rule, found.line, found.severity) == ("hours", 7, Severity.ERROR)
        far = with_line("occasion", 'occasion: {kind: holiday, name: christmas, at: "21:00"}', late)
        assert ("error", "hours") in rules_of(check(far))
        assert check(with_line("occasion", f'occasion: {{kind: birthday, at: "{time(20, 30):%H:%M}"}}')) != []

    def test_warn_of_every_channel_when_there_is_one(self, check) -> None:
        """The line does nothing."""
        assert rules_of(check(BIRTHDAY + "on_every_channel: true\n")) == [("warning", "channels")]


class TestRenames:
    def test_are_refused_when_the_id_went_too(self, check, load) -> None:
        """The same campaign under a new id would greet everyone once more."""
        digest = load(with_line("channels", "channels: [sms]")).named("birthday").digest
        renamed = with_line("id", "id: wishes", with_line("name", "name: wishes"))

        (found,) = check(renamed, known=(KnownCampaign(id="birthday", name="birthday", digest=digest),))

        assert (found.severity, found.rule) == (Severity.ERROR, "rename")
        assert found.fix == "If you renamed it, keep the line id: birthday"

    def test_are_suspected_from_a_similar_name(self, check) -> None:
        """Edited and renamed at once: ask."""
        known = (KnownCampaign(id="birthdays", name="birthdays", digest="0"),)

        assert rules_of(check(BIRTHDAY, known=known)) == [("warning", "rename")]

    def test_are_fine_with_the_id_kept(self, check) -> None:
        """And a campaign that merely ended is nobody's look-alike."""
        kept = KnownCampaign(id="birthday", name="old_name", digest="0")
        gone = KnownCampaign(id="quarter_end", name="quarter_end", digest="0")

        assert check(BIRTHDAY, known=(kept, gone)) == []
