"""Groups of one day that differ in zone, language or hours are judged each by itself."""

from datetime import timedelta

import pytest

from care.base.database import write
from care.planning.admission import Word
from tests.factories import make_customer
from tests.house import BIRTHDAY, House
from tests.planning.test_forecast import plan_of

LONG = "尊敬的" * 12  # makes two parts of the greeting
TEN_MINUTES = BIRTHDAY.replace("8h", "10m")


def customers(house: House, count: int, **fields: str) -> None:
    with write(house.engine) as conn:
        for _ in range(count):
            make_customer(conn, consents=("greeting",), birth_mmdd=925, **fields)


@pytest.fixture
def early(house: House) -> House:
    """Nine in Shanghai: the greetings are due at ten by everybody's own clock, and of use for ten minutes."""
    house.clock.advance(timedelta(hours=-1))
    house.write_campaign(TEN_MINUTES)
    return house


class TestParts:
    def test_are_those_of_the_group_itself(self, early: House) -> None:
        """Thirty texts of two parts need 667 s of the 600 s there are; thirty of one part elsewhere do not help."""
        customers(early, 30, timezone="Asia/Shanghai", salutation=LONG)
        customers(early, 30, timezone="Europe/London")
        (day,) = plan_of(early, days=1, exact_rates=0.1).days
        (judged,) = day.judged
        assert day.tally.parts == judged.admission.parts == 90
        assert judged.admission.word is Word.WARNED
        assert judged.admission.missing == pytest.approx(60 - 600 * 0.09)

    def test_are_those_of_the_language(self, early: House) -> None:
        """In one zone and set as well."""
        customers(early, 4, locale="zh-CN", salutation=LONG)
        customers(early, 4, locale="zh-TW")
        found = {cell.locale: cell.parts_each for cell in plan_of(early, days=1).cells}
        assert found == {"zh-CN": 2, "zh-TW": 1}


class TestTheAnswer:
    @pytest.mark.parametrize(("rate", "word"), [(0.2, Word.FITS), (0.1, Word.WARNED)])
    def test_is_about_the_group_with_least_time(self, early: House, rate: float, word: Word) -> None:
        """Shanghai has its ten minutes first, but London needs more of its own."""
        customers(early, 1, timezone="Asia/Shanghai")
        customers(early, 30, timezone="Europe/London", salutation=LONG)
        ((judged,),) = (day.judged for day in plan_of(early, days=1, exact_rates=rate).days)
        assert (judged.zone, judged.admission.word) == ("Europe/London", word)
        london = early.clock.now() + timedelta(hours=8, minutes=10)
        assert judged.admission.deadline == london
        if word is Word.FITS:
            assert judged.admission.margin is not None
            assert judged.admission.margin // timedelta(seconds=1) == 266  # 600 s less 60 parts at 0.18 a second
        else:
            assert judged.admission.latest_start == (london - timedelta(seconds=60 / 0.09)).replace(microsecond=0)
