import pytest

from care.base.vocabulary import Purpose
from care.campaigns.sms_parts import count_parts
from care.policy.wording import sms_wrapping


class TestSmsWrapping:
    @pytest.mark.parametrize(
        ("country", "locale", "prefix", "suffix"),
        [
            ("CN", "zh-CN", "【海岚】", " 拒收请回复R"),
            ("CN", "en", "【海岚】", " Reply R to opt out."),
            ("TW", "zh-TW", "【海岚】", " 不再接收請撥96000"),
            ("TW", "en-GB", "海岚: ", " To opt out call 96000."),
            ("HK", "zh-HK", "【海岚】", " 取消接收請回覆STOP / Unsub reply STOP"),
            ("HK", "en", "海岚: ", " 取消接收請回覆STOP / Unsub reply STOP"),
            ("US", "en", "海岚: ", " Reply STOP to opt out."),
            ("US", "es-MX", "海岚: ", " Responda STOP para cancelar."),
            ("US", "zh-CN", "【海岚】", " 退订请回复STOP"),
            ("CA", "fr-CA", "海岚: ", " Répondez ARRET pour vous désinscrire."),
            ("GB", "en-GB", "海岚: ", " Reply STOP to opt out."),
            ("KR", "ko", "(광고)海岚: ", " 무료수신거부 96000"),
            ("KR", "en", "(광고)海岚: ", " Free opt-out 96000"),
            ("JP", "ja", "海岚: ", " To opt out call 96000."),
        ],
    )
    def test_wraps_marketing(self, policies, country, locale, prefix, suffix):
        """Per country and locale; a locale without a text takes its language's, the country's, then English."""
        found = sms_wrapping(policies.country(country), Purpose.OFFER, locale, "海岚", "96000")
        assert found == (prefix, suffix)
        assert sms_wrapping(policies.country(country), Purpose.GREETING, locale, "海岚", "96000") == found

    @pytest.mark.parametrize("purpose", [Purpose.SERVICE, Purpose.EMERGENCY, Purpose.SURVEY, Purpose.REPLY])
    def test_ends_only_marketing_with_a_way_out(self, policies, purpose):
        """Notices, surveys and replies carry the sender's name and nothing else, and no advertising mark."""
        for policy in policies.countries.values():
            prefix, suffix = sms_wrapping(policy, purpose, "en", "Hailan", "96000")
            assert prefix in ("Hailan: ", "【Hailan】")
            assert suffix == ""

    def test_leaves_the_signature_to_the_transport(self, policies):
        """A gateway that adds the name gets none; the mark of advertising stays."""
        china, korea = policies.country("CN"), policies.country("KR")
        assert sms_wrapping(china, Purpose.OFFER, "zh-CN", "海岚", "1", transport_adds_signature=True)[0] == ""
        assert sms_wrapping(korea, Purpose.OFFER, "ko", "海岚", "1", transport_adds_signature=True)[0] == "(광고)"

    def test_takes_braces_in_a_brand_as_they_are(self, policies):
        """A brand is text, never a pattern."""
        britain = policies.country("GB")
        assert sms_wrapping(britain, Purpose.SERVICE, "en", "{x}{0}", "1") == ("{x}{0}: ", "")

    def test_keeps_latin_texts_in_the_short_alphabet(self, policies):
        """A suffix in a Latin script must not turn a message of 160 characters into one of 70."""
        for policy in policies.countries.values():
            for locale, text in policy.sms.suffix.items():
                if locale in ("en", "fr", "de", "es"):
                    assert count_parts(text.replace("{hotline}", "1")).encoding == "GSM-7", text
