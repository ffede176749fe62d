"""Files as they come: encodings, separators, quotes, JSON Lines; whatever cannot be read is told with its line."""

import codecs
import tracemalloc

import pytest

from care.base.errors import FileError
from care.customers.importing.encodings import detect_encoding
from care.customers.importing.scan import Repeats, scan
from care.customers.importing.source import open_source

TABLE = "id,name,area\nC1,王芳,北区\nC2,李明,南区\n"


def rows_of(path, size=100):
    return [row for batch in open_source(path).batches(size) for row in batch.rows]


class TestDetectEncoding:
    @pytest.mark.parametrize(
        ("encoding", "bom", "found"),
        [
            ("utf-8", b"", "utf-8"),
            ("utf-8", codecs.BOM_UTF8, "utf-8-sig"),
            ("gbk", b"", "gb18030"),
            ("gb18030", b"", "gb18030"),
            ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16"),
            ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16"),
            ("ascii", b"", "utf-8"),
        ],
    )
    def test_tells_what_spreadsheets_write(self, tmp_path, encoding, bom, found) -> None:
        """The rows read the same whatever they were saved as."""
        text = TABLE if encoding != "ascii" else "id,name,area\nC1,Wang,North\n"
        file = tmp_path / "a.csv"
        file.write_bytes(bom + text.encode(encoding))
        assert detect_encoding(file) == found
        assert [",".join(row) for row in rows_of(file)] == text.splitlines()[1:]

    @pytest.mark.parametrize(
        ("data", "line"),
        [
            ("id,name\nC1,José García Núñez\nC2,Émilie".encode("latin-1"), 2),
            ("id,name\nC1,陳大文\nC2,黃小玲\nC3,林美珍\n".encode("big5"), 2),
            (b"id,name\nC1,a\nC2,b\nC3,\xff\xfe\x00\n", 4),
            (TABLE.encode() + b"C3,\xe7\x8e", 4),
        ],
    )
    def test_refuses_others_with_the_first_bad_line(self, tmp_path, data, line) -> None:
        """Names in the wrong letters would be worse than none."""
        file = tmp_path / "a.csv"
        file.write_bytes(data)
        with pytest.raises(FileError, match="neither UTF-8 nor GBK") as caught:
            detect_encoding(file)
        assert caught.value.line == line

    def test_finds_a_bad_byte_behind_many_good_ones(self, tmp_path) -> None:
        """The whole file is looked at, a character that two blocks share is no fault."""
        good = "C1,王\n".encode() * 300_000
        file = tmp_path / "a.csv"
        file.write_bytes(b"id,name\n" + good)
        assert detect_encoding(file) == "utf-8"
        file.write_bytes(b"id,name\n" + good + b"C2,\xff\n")
        with pytest.raises(FileError) as caught:
            detect_encoding(file)
        assert caught.value.line == 300_002


class TestSource:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_recognises_the_separator(self, tmp_path, delimiter) -> None:
        """The one that splits the header most; quoted cells may hold the others."""
        file = tmp_path / "a.csv"
        lines = [["id", '"a,b;c\td,e;f\tg"', "name"], ["C1", '"x;y,z\tw"', "n"]]
        file.write_text("\n".join(delimiter.join(line) for line in lines), encoding="utf-8")
        source = open_source(file)
        assert source.delimiter == delimiter
        assert rows_of(file) == [["C1", "x;y,z\tw", "n"]]

    def test_reads_quoted_line_breaks_and_carriage_returns(self, tmp_path) -> None:
        """Row numbers are those of the spreadsheet, not of the text."""
        file = tmp_path / "a.csv"
        file.write_bytes(b'id,"first\r\nname"\r\nC1,"a\nb"\r\n\r\nC2,c\r\n')
        (batch,) = open_source(file).batches(10)
        assert batch.header == ("id", "first\r\nname")
        assert (batch.numbers, batch.rows) == ([2, 4], [["C1", "a\nb"], ["C2", "c"]])

    def test_reads_json_lines(self, tmp_path) -> None:
        """Numbers keep their digits, null is an empty cell, keys may differ from line to line."""
        file = tmp_path / "a.jsonl"
        file.write_text(
            '{"id": "C1", "monthly_spend": 99.90, "key_account": true}\n\n{"id": 7, "name": null, "tier": "gold"}\n',
            encoding="utf-8",
        )
        (batch,) = open_source(file).batches(10)
        assert batch.header == ("id", "monthly_spend", "key_account", "name", "tier")
        assert batch.rows == [["C1", "99.90", "true", "", ""], ["7", "", "", "", "gold"]]
        assert batch.numbers == [1, 3]

    def test_sets_broken_json_lines_aside(self, tmp_path) -> None:
        """One bad line does not stop the others."""
        file = tmp_path / "a.txt"
        lines = ['{"id": "C1"}', "{", "[1]", '{"id": {"a": 1}}', '{"id": NaN}', "[" * 100_000, '{"id": "C2"}']
        file.write_text("\n".join(lines), encoding="utf-8")
        (batch,) = open_source(file).batches(10)
        assert batch.rows == [["C1"], ["C2"]]
        assert [number for number, _reason, _cells in batch.broken] == [2, 3, 4, 5, 6]

    @pytest.mark.parametrize(
        ("data", "problem", "line"),
        [
            (b"", "is empty", 0),
            (b",,\n1,2,3\n", "has no header", 1),
            (b'[{"id": 1}]', "JSON list", 1),
            (b"PK\x03\x04\x14\x00\x00\x00", "no text file", 0),
            (b'id,name\nC1,"a"b\n', "quotes are broken", 2),
            (b'id,name\nC1,a\nC2,"never closed\nC3,b\n', "quotes are broken", 3),
            (b'id,"name\nC1,a\n', "quotes are broken", 1),
        ],
    )
    def test_refuses_what_is_no_table(self, tmp_path, data, problem, line) -> None:
        """One line says where and what."""
        file = tmp_path / "a.csv"
        file.write_bytes(data)
        with pytest.raises(FileError, match=problem) as caught, Repeats() as repeats:
            scan(open_source(file), repeats, "id")
        assert caught.value.line == line

    def test_refuses_a_folder_and_a_missing_file(self, tmp_path) -> None:
        """The system's own words, in one line."""
        for path in (tmp_path, tmp_path / "nowhere.csv"):
            with pytest.raises(FileError, match="cannot be read"):
                open_source(path)


class TestRepeats:
    def test_names_the_last_row_of_each_repeated_id(self) -> None:
        """Also when the rows stand in different batches; blank ids repeat nothing."""
        with Repeats() as repeats:
            repeats.add(["a", "b", "", "a"], [2, 3, 4, 5])
            repeats.add(["", "b", "c"], [6, 7, 8])
            repeats.finish()
            assert repeats.count == 2
            assert repeats.last_rows(["a", "b", "c", ""]) == {"a": 5, "b": 7}


class TestMemory:
    def test_does_not_grow_with_the_file(self, tmp_path) -> None:
        """Ten times the rows need no more memory to look through."""
        peaks = []
        for rows in (25_000, 100_000):
            file = tmp_path / f"{rows}.csv"
            with file.open("w", encoding="utf-8") as out:
                out.write("id,name\n")
                out.writelines(f"C{n},somebody\n" for n in range(rows))
            tracemalloc.start()
            with Repeats() as repeats:
                assert scan(open_source(file), repeats, "id").rows == rows
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert peaks[1] < 1.2 * peaks[0]
