"""Sentences nobody wrote down: somebody, and what is said of him, in any language and however it is written."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.inbound.bounces.classify import Diagnosis, classify
from care.inbound.bounces.model import Kind
from care.inbound.bounces.wordings import GAP, all_wordings

LANGUAGES = sorted({each.language for each in all_wordings() if each.list == "a-mailbox"})
AT_RCPT = "in reply to RCPT TO command"


def half(name: str, language: str) -> list[str]:
    return [each.words.replace(GAP, " ") for each in all_wordings() if (each.list, each.language) == (name, language)]


@st.composite
def sentences(draw: st.DrawFn) -> str:
    language = draw(st.sampled_from(LANGUAGES))
    halves = [draw(st.sampled_from(half(name, language))) for name in ("a-mailbox", "is-gone")]
    return " ".join(halves if language == "en" else draw(st.permutations(halves)))  # English says who first


CLOSING = sorted({each.language for each in all_wordings() if each.list == "for-good"})


@st.composite
def closed_for_good(draw: st.DrawFn) -> str:
    language = draw(st.sampled_from(CLOSING))
    chain = [draw(st.sampled_from(half(name, language))) for name in ("a-mailbox", "is-closed", "for-good")]
    return " ".join(chain)


def capitals(text: str) -> str:
    """Return capitals where they lead back to the same letters."""
    return "".join(letter.upper() if letter.upper().lower() == letter else letter for letter in text)


def bare(text: str) -> str:
    """Return a text typed without accents, as many administrators do."""
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(letter for letter in apart if not "\u0300" <= letter <= "\u036f"))


WAYS = {
    "as it stands": str,
    "capitals": capitals,
    "bare": bare,
    "apart": lambda text: unicodedata.normalize("NFD", text),
    "wide": lambda text: text.replace(" ", "\u3000"),
    "folded": lambda text: text.replace(" ", "\n    "),
}


class TestHalves:
    @settings(max_examples=150, deadline=None)
    @given(said=sentences(), way=st.sampled_from(sorted(WAYS)), code=st.sampled_from(["550 ", "553 5.0.0 ", ""]))
    def test_make_a_dead_address_however_written(self, said: str, way: str, code: str) -> None:
        """Case, accents, the form of letters and where a line breaks make no difference."""
        assert classify(Diagnosis(text=code + WAYS[way](said))).kind is Kind.HARD

    @settings(max_examples=80, deadline=None)
    @given(said=sentences())
    def test_are_soft_for_now_and_after_the_content(self, said: str) -> None:
        """The rules of all others hold for them, too."""
        assert classify(Diagnosis(text=f"450 {said}")).kind is Kind.SOFT
        assert classify(Diagnosis(text=f"550 {said}", stage="in reply to end of DATA command")).kind is Kind.SOFT

    @settings(max_examples=80, deadline=None)
    @given(said=sentences(), language=st.sampled_from(LANGUAGES), data=st.data())
    def test_are_soft_when_only_supposed(self, said: str, language: str, data: st.DataObject) -> None:
        """A system that asks us to look whether the address is right does not know."""
        doubts = half("in-doubt", language) or half("in-doubt", "en")
        assert classify(Diagnosis(text=f"550 {data.draw(st.sampled_from(doubts))} {said}")).kind is Kind.SOFT


class TestClosedForGood:
    @settings(max_examples=80, deadline=None)
    @given(said=closed_for_good(), way=st.sampled_from(sorted(WAYS)))
    def test_is_dead_however_written(self, said: str, way: str) -> None:
        """Somebody, that he is closed, and for good: three lists make the sentence."""
        assert classify(Diagnosis(text=f"550 {WAYS[way](said)}")).kind is Kind.HARD

    @settings(max_examples=40, deadline=None)
    @given(said=closed_for_good())
    def test_is_soft_for_now_and_after_the_content(self, said: str) -> None:
        """The rules of all others hold for it, too."""
        assert classify(Diagnosis(text=f"450 {said}")).kind is Kind.SOFT
        assert classify(Diagnosis(text=f"550 {said}", stage="in reply to end of DATA command")).kind is Kind.SOFT

    @pytest.mark.parametrize("language", CLOSING)
    def test_of_nobody_is_soft(self, language: str) -> None:
        """A connection or a contract that ended for good says nothing of a mailbox."""
        named = half("a-mailbox", language) + half("a-recipient", language)
        adverbs = [words for words in half("for-good", language) if not any(map(words.__contains__, named))]
        chains = [f"550 {closed} {adverb}" for closed in half("is-closed", language) for adverb in adverbs]
        dead = [said for said in chains if classify(Diagnosis(text=said, stage=AT_RCPT)).kind is Kind.HARD]
        assert dead == []


class TestLiving:
    @pytest.mark.parametrize(
        "letter",
        [
            "550 发件人地址不存在",
            "550 IP地址无效",
            "550 您的IP地址不在允许的地址内，无效",
            "550 邮箱已满或不存在",
            "550 收件人：未知错误",
            "550 Absenderadresse existiert nicht",
            "550 IP-Adresse unbekannt",
            "550 Empfänger: unbekannter Fehler",
            "550 l'adresse de l'expéditeur n'existe pas",
            "550 adresse IP inconnue",
            "550 remitente desconocido, dirección inválida",
            "550 Адрес отправителя не существует",
            "550 получатель: неизвестная ошибка",
            "550 对方服务器拒绝，邮件内容不符，收件人请勿回复，网页找不到",
            "550 差出人アドレスが存在しません",
            "550 수신자: 알 수 없는 오류",
            "554 5.6.0 Message contains invalid header for recipient",
            "550 Cannot find your IP address",
            "550 Your IP address is permanently blocked for this user",
        ],
    )
    def test_is_never_hard(self, letter: str) -> None:
        """About the sender, the server, the mail, or nothing at all."""
        assert classify(Diagnosis(text=letter, stage=AT_RCPT)).kind is Kind.SOFT


class TestDead:
    @pytest.mark.parametrize(
        "answer",
        [
            "550 user doesnt exist",
            "550 unrecognised recipient",
            "550 mailbox not present",
            "550 we don't know this user",
            "550 no such object",
            "553 Requested action not taken: mailbox name not allowed",
            "553 sorry, this recipient is in my badrecipientto list (#5.7.1)",
            "550 account has been permanently disabled",
            "550 User mailbox no longer in service",
            "550 account closed by the owner",
        ],
    )
    def test_is_found(self, answer: str) -> None:
        """In the many words of many servers."""
        assert classify(Diagnosis(text=answer, stage=AT_RCPT)).kind is Kind.HARD

    def test_is_found_before_a_footer(self) -> None:
        """What a footer says of spam and quotas is about other mails."""
        letter = "550 no such user here\n\nMost mails are refused as spam, or because a mailbox is full."
        assert classify(Diagnosis(text=letter, stage=AT_RCPT)).kind is Kind.HARD
