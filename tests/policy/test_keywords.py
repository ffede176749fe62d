import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.policy.keywords import Keyword, classify, normalise

COUNTRIES = ["CN", "TW", "HK", "US", "CA", "GB", "FR", "DE", "IN", "KR", "SG", "AU", "JP"]


class TestClassify:
    @pytest.mark.parametrize(
        "text",
        ["STOP", "stop", " Stop. ", "“STOP”", "STOP!!!", "ＳＴＯＰ", "🛑 stop 🛑", "Stop all", "STOPALL", "opt-out", "Opt out",
         "UNSUBSCRIBE", "Cancel", "END", "quit", "Revoke", "remove", "S T O P", "arrêt", "ARRET", "СТОП", "stop\u200b",
         "Please stop.", "stop texting me", "Don’t text me!", "Remove me from your list", "no more texts please"],
    )  # fmt: skip
    @pytest.mark.parametrize("country", COUNTRIES)
    def test_hears_the_worldwide_words_everywhere(self, policies, country, text):
        """Whatever its width, case, quotes, punctuation or emoji."""
        assert classify(text, policies.country(country)) is Keyword.OPT_OUT

    @pytest.mark.parametrize(
        "text",
        ["T", "t", "Ｔ", "TD", "td。", "R", "r", "R。", "N", "0000", "退订", "退 订", "【退订】", "拒收", "取消订阅", "T退订",
         "回T", "回复TD", "退订！", "别再发了", "不要再发了", "请不要再发了。"],
    )  # fmt: skip
    def test_hears_chinese_words_in_china_only(self, policies, text):
        """T, TD, R and N are words there; elsewhere they may answer a question."""
        assert classify(text, policies.country("CN")) is Keyword.OPT_OUT
        assert classify(text, policies.country("US")) is None

    @pytest.mark.parametrize(
        ("country", "text"),
        [
            ("TW", "退訂"),
            ("HK", "唔好再send"),
            ("FR", "Désabonner"),
            ("DE", "Stopp!"),
            ("KR", "수신거부"),
            ("SG", "退订"),
        ],
    )
    def test_hears_the_words_of_each_country(self, policies, country, text):
        """Words as data, accents and Hangul included."""
        assert classify(text, policies.country(country)) is Keyword.OPT_OUT

    @pytest.mark.parametrize(
        "text",
        ["nonstop service", "Very helpful staff", "STOP that is funny", "1 STOP", "It never stops", "the end", "I quit my job",
         "cancel my contract", "我要退订宽带", "退货", "不要", "NO", "no", "5", "T5", "R2D2", "stop?no", "I can't stop laughing",
         "R&D", "N/A", "No thanks", "the bus stop", "end to end", "info please about my bill", "help me with TV", "很满意", "。", "",
         "   ", "🛑", "!!!", "stop " * 30, "TT", "退订套餐", "别再断网了"],
    )  # fmt: skip
    @pytest.mark.parametrize("country", COUNTRIES)
    def test_leaves_sentences_alone(self, policies, country, text):
        """A keyword inside something else is not a keyword."""
        assert classify(text, policies.country(country)) is None

    @pytest.mark.parametrize("text", ["YES", "yes", "Y", "ok", "continue", "begin"])
    def test_takes_yes_as_an_answer(self, policies, text):
        """Yes to a question must not bring back what a customer refused."""
        assert all(classify(text, policies.country(country)) is None for country in COUNTRIES)

    @pytest.mark.parametrize(
        ("country", "text", "keyword"),
        [
            ("US", "Start", Keyword.OPT_IN),
            ("GB", "UNSTOP", Keyword.OPT_IN),
            ("CN", "恢复", Keyword.OPT_IN),
            ("CN", "KT", Keyword.OPT_IN),
            ("US", "help", Keyword.HELP),
            ("US", "INFO?", Keyword.HELP),
            ("CN", "帮助", Keyword.HELP),
            ("DE", "Hilfe!", Keyword.HELP),
        ],
    )
    def test_hears_opt_in_and_help(self, policies, country, text, keyword):
        """The other two kinds of keyword."""
        assert classify(text, policies.country(country)) is keyword

    @given(st.text(max_size=40), st.sampled_from(COUNTRIES))
    def test_never_matches_more_than_the_words(self, policies, text, country):
        """Whatever is classified is, without its decoration, one of the country's words."""
        rule = policies.country(country).opt_out
        found = classify(text, policies.country(country))
        words = rule.words | rule.start_words | rule.help_words
        assert (found is not None) == (len(text) <= 60 and normalise(text) in words)


class TestWords:
    @pytest.mark.parametrize("country", COUNTRIES)
    def test_mean_one_thing_each(self, policies, country):
        """No word is both an opt-out and an opt-in or a call for help."""
        rule = policies.country(country).opt_out
        assert not rule.words & rule.start_words
        assert not (rule.words | rule.start_words) & rule.help_words

    def test_are_stable_under_normalising(self, policies):
        """Words are stored in the form that messages are compared in."""
        for policy in policies.countries.values():
            assert {normalise(word) for word in policy.opt_out.words} == policy.opt_out.words

    @pytest.mark.parametrize("country", COUNTRIES)
    def test_include_what_the_suffix_asks_for(self, policies, country):
        """A customer who replies what the text says is heard in that country."""
        policy = policies.country(country)
        for text in policy.sms.suffix.values():
            for word in re.findall(r"\b(STOP|ARRET|R|T|TD)\b|(?<=回复|回覆)(\w+)", text):
                assert classify("".join(word), policy) is Keyword.OPT_OUT, text
