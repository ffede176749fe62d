import pytest

from care.base.errors import FileError, ManyErrors
from care.base.vocabulary import Purpose
from care.calendars.walltime import load_zone
from care.policy.hours import common_hours
from care.policy.load import load_policies
from care.policy.model import Caps, ConsentRule, OptOutScope, UrlRule, WindowGroup

REQUIRED = {"CN", "TW", "HK", "US", "CA", "GB", "FR", "DE", "IN", "KR", "SG", "AU"}


@pytest.fixture
def override(tmp_path):
    path = tmp_path / "policy.yaml"

    def write(text):
        path.write_text(text, encoding="utf-8")
        return path

    return write


class TestShippedPolicy:
    def test_has_every_country(self, policies):
        """The twelve countries, each with zones that exist, hours for each group, and a basis."""
        assert set(policies.countries) >= REQUIRED
        for policy in policies.countries.values():
            assert policy.timezones
            assert all(load_zone(zone) for zone in policy.timezones)
            assert set(policy.hours) == set(WindowGroup)
            assert all(any(windows.days) for windows in policy.hours.values())
            assert policy.basis in ("rule", "custom", "own")

    @pytest.mark.parametrize(
        ("country", "purpose", "rule"),
        [
            ("CN", Purpose.OFFER, ConsentRule.REQUIRED),
            ("CN", Purpose.GREETING, ConsentRule.REQUIRED),
            ("US", Purpose.OFFER, ConsentRule.REQUIRED),
            ("GB", Purpose.OFFER, ConsentRule.IMPLIED),
            ("GB", Purpose.SURVEY, ConsentRule.IMPLIED),
            ("JP", Purpose.GREETING, ConsentRule.REQUIRED),
            ("CN", Purpose.SERVICE, ConsentRule.NONE),
            ("US", Purpose.EMERGENCY, ConsentRule.NONE),
            ("FR", Purpose.REPLY, ConsentRule.NONE),
        ],
    )
    def test_asks_for_consent_per_purpose(self, policies, country, purpose, rule):
        """Greetings are marketing; what is owed under the contract needs none."""
        assert policies.country(country).consent_rule(purpose) is rule

    def test_scopes_an_opt_out_per_country(self, policies):
        """STOP ends everything in the US; in China marketing and surveys, and notices go on."""
        assert policies.country("US").opt_out.scope is OptOutScope.ALL
        china = policies.country("CN").opt_out.scope
        assert china is OptOutScope.MARKETING_AND_SURVEY
        assert china.purposes == {Purpose.OFFER, Purpose.GREETING, Purpose.SURVEY}

    def test_knows_where_replies_and_links_do_not_work(self, policies):
        """Two-way and links decide what a campaign may ask for."""
        assert [policies.country(code).sms.two_way for code in ("CN", "TW", "HK", "US", "GB", "JP")] == [
            False, False, True, True, True, False,
        ]  # fmt: skip
        assert policies.country("CN").sms.urls is UrlRule.FORBIDDEN
        assert policies.country("TW").sms.urls is UrlRule.REGISTERED

    def test_rests_on_french_holidays_and_german_sundays(self, policies):
        """Only where the policy says so."""
        assert policies.country("FR").hours[WindowGroup.MARKETING].holidays_of == "FR"
        assert policies.country("FR").hours[WindowGroup.SERVICE].holidays_of == ""
        assert policies.country("DE").hours[WindowGroup.MARKETING].days[6] == ()


class TestElsewhere:
    @pytest.mark.parametrize("code", ["JP", "zz", "", None])
    def test_gets_the_narrowest_hours_of_all(self, policies, code):
        """No country's hours are wider than those of a country without rules."""
        policy = policies.country(code)
        for group, windows in policy.hours.items():
            for other in policies.countries.values():
                assert common_hours(windows, other.hours[group]).days == windows.days
        assert any(policy.hours[WindowGroup.MARKETING].days)
        assert policy.code == (code or "").upper()

    def test_is_asked_for_with_any_case(self, policies):
        """Case and blanks around a code do not matter."""
        assert policies.country(" cn ") is policies.country("CN")


class TestOverride:
    def test_is_laid_over_key_by_key(self, override, policies):
        """A cap and one group's hours change, the rest stays; hours are replaced whole."""
        path = override(
            "default: {caps: {marketing_per_7d: 2}}\n"
            "countries:\n  CN:\n    hours: {marketing: {mon-fri: ['10:00-18:00']}}\n"
        )
        china = load_policies(path).country("CN")
        assert china.caps.marketing_per_7d == 2
        assert china.caps.all_per_day == policies.country("CN").caps.all_per_day
        assert china.hours[WindowGroup.MARKETING].days == (((600, 1080),),) * 5 + ((), ())
        assert china.hours[WindowGroup.SURVEY] == policies.country("CN").hours[WindowGroup.SURVEY]
        assert china.opt_out == policies.country("CN").opt_out

    def test_adds_a_country(self, override):
        """Japan with one line gets the plain defaults instead of the narrowest hours."""
        japan = load_policies(override("countries:\n  JP: {timezones: [Asia/Tokyo]}\n")).country("JP")
        assert japan.hours[WindowGroup.MARKETING].days[0] == ((540, 1200),)
        assert japan.name == "JP"

    def test_takes_caps_away_and_replaces_texts(self, override):
        """An empty cap is none; a suffix replaces all suffixes of the country."""
        path = override("countries:\n  GB:\n    caps: {all_per_day: }\n    sms: {suffix: {en: ' Text STOP to end.'}}\n")
        britain = load_policies(path).country("GB")
        assert britain.caps == Caps(
            marketing_per_7d=1, marketing_per_30d=2, survey_invites_per_30d=1, survey_reminders=1
        )
        assert britain.sms.suffix == {"en": " Text STOP to end."}

    @pytest.mark.parametrize("text", ["", "countries:\n", "countries:\n  CN:\n    hours:\n", "default: {}\n"])
    def test_takes_empty_keys_as_nothing(self, override, policies, text):
        """A key whose lines are commented out changes nothing."""
        assert load_policies(override(text)) == policies

    def test_takes_a_missing_file_as_nothing(self, tmp_path, policies):
        """No file is the shipped policy."""
        assert load_policies(tmp_path / "policy.yaml") == policies

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("countris: {}\n", "1:1: 'countris' is not known. Did you mean 'countries'?"),
            ("countries:\n  XX: {}\n", "2:3: 'XX' is not a two-letter country code"),
            ("countries:\n  CN:\n    ours: {}\n", "3:5: 'ours' is not known. Did you mean 'hours'?"),
            ("default:\n  caps: {marketing_per_7: 1}\n", "2:10: 'marketing_per_7' is not known. Did you mean"),
            ("default:\n  opt_out: {scop: all}\n", "2:13: 'scop' is not known. Did you mean 'scope'?"),
            ("default:\n  opt_out: {scope: some}\n", "2:13: input should be 'all', 'marketing_and_survey'"),
            ("default:\n  caps: {all_per_day: -1}\n", "2:10: input should be greater than or equal to 0"),
            ("countries:\n  CN:\n    timezones: [Asia/Shangai]\n", "3:17: time zone 'Asia/Shangai' is not known"),
            ("default:\n  hours:\n    survey: {funday: ['09:00-20:00']}\n", "3:14: 'funday' is not a day"),
            ("default:\n  hours:\n    survey:\n      mon:\n        - 9-20\n", "5:11: '9-20' is not a span of hours"),
            ("default:\n  hours: {survey: {}}\n", "2:11: "),
            ("default:\n  consent: {service: required}\n", "2:13: consent is never asked for service"),
            ("default:\n  sms: {urls: some}\n", "2:9: input should be 'allowed'"),
            ("worldwide:\n  stop: []\n", "2:3: 'stop' is not known"),
            ("- CN\n", "1: is not a mapping"),
        ],
    )
    def test_names_the_place_of_a_mistake(self, override, text, error):
        """file:line:column, what is wrong, what to do."""
        path = override(text)
        with pytest.raises(FileError) as caught:
            load_policies(path)
        assert str(caught.value).startswith(f"{path}:")
        assert error in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_tells_all_mistakes_at_once(self, override):
        """Two mistakes, two lines."""
        with pytest.raises(ManyErrors) as caught:
            load_policies(override("default: {basis: rumour}\ncountries:\n  QQ: {}\n"))
        assert [error.line for error in caught.value.errors] == [1, 3]
