from datetime import date

import pytest

from care.base.errors import FileError, ManyErrors
from care.calendars.overrides import NO_OVERRIDE, YearOverride, load_overrides, shipped_overrides


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "calendar.yaml"

    def write(text):
        path.write_text(text, encoding="utf-8")
        return path

    return write


class TestLoadOverrides:
    def test_reads_days_of_a_year(self, file):
        """Days, make-up days and the word that the year is complete."""
        found = load_overrides(file("CN:\n  2027: {off: [2027-02-11], working: [2027-01-30], complete: true}\n"))
        assert found.of("CN", 2027) == YearOverride(
            off=frozenset({date(2027, 2, 11)}), working=frozenset({date(2027, 1, 30)}), complete=True
        )
        assert found.of("CN", 2028) is NO_OVERRIDE
        assert found.of("TW", 2027) is NO_OVERRIDE

    @pytest.mark.parametrize("text", ["", "{}", "# nothing announced yet\n"])
    def test_takes_an_empty_file_as_nothing(self, file, text):
        """A file of comments is no mistake."""
        assert load_overrides(file(text)).years == shipped_overrides().years

    def test_takes_a_missing_file_as_nothing(self, tmp_path):
        """No file, no path: the shipped overrides."""
        assert load_overrides(tmp_path / "calendar.yaml") == load_overrides() == shipped_overrides()

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("CM:\n  2027: {}\nCQ: {}\n", "3:1: country 'CQ' is not known"),
            ("CN: [2027]\n", "1:1: needs years"),
            ("CN:\n  '2027': {}\n", "2:3: '2027' is not a year"),
            ("CN:\n  2027:\n    of: []\n", "3:5: 'of' is not known. Did you mean 'off'?"),
            ("CN:\n  2027:\n    off: 2027-02-11\n", "3:5: 'off' is not a list"),
            ("CN:\n  2027:\n    off: [2027-02-11, 2028-02-11]\n", "3:23: '2028-02-11' is not a day of 2027"),
            ("CN:\n  2027:\n    off: [2027-02-30]\n", "is not"),
            ("CN:\n  2027:\n    off:\n      - 2027-02-11\n      - Friday\n", "5:9: 'Friday' is not a day of 2027"),
            ("CN:\n  2027:\n    complete: 'yes'\n", "3:5: 'yes' is not true or false"),
            ("CN:\n  2027: {off: [2027-02-11], working: [2027-02-11]}\n", "2:29: 2027-02-11 is both off and working"),
            ("CN:\n  2027: {}\n  2027: {}\n", "3:3: "),
            ("CN: {2027: {off: [}}\n", "1:19: "),
        ],
    )
    def test_names_the_place_of_a_mistake(self, file, text, error):
        """Line, column, what is wrong."""
        path = file(text)
        with pytest.raises(FileError) as caught:
            load_overrides(path)
        assert f"{path}" in str(caught.value)
        assert error in str(caught.value)

    def test_tells_all_mistakes_at_once(self, file):
        """Two mistakes, two lines."""
        with pytest.raises(ManyErrors) as caught:
            load_overrides(file("CN:\n  2027: {of: []}\nQQ: {}\n"))
        assert [error.line for error in caught.value.errors] == [2, 3]
