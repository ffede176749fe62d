"""`care surveys parse` as a user runs it."""

import json
import subprocess
import sys

import pytest


def run_parse(lines: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "care.cli.main", "surveys", "parse", *options]
    return subprocess.run(command, input=lines, capture_output=True, check=False)


class TestSurveysParse:
    def test_answers_the_same_objects(self) -> None:
        """Fields stay as they are; `result` is added; `--scale` is for lines that name none."""
        result = run_parse(
            '{"text": "1 谢谢", "id": 7}\n\n{"text": "2", "scale": "yn"}\n'.encode(), "--scale", "csat5r"
        )
        assert result.returncode == 0, result.stderr
        first, second = (json.loads(line) for line in result.stdout.splitlines())
        assert first == {
            "text": "1 谢谢",
            "id": 7,
            "result": {"kind": "score", "score": 1, "comment": "谢谢", "alert": False, "derived": False, "flags": []},
        }
        assert second["result"]["score"] == 0
        assert second["result"]["flags"] == ["not_resolved"]

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            (b"hi", b"not a JSON object"),
            (b"[1]", b"not a JSON object"),
            (b'{"txt": "a"}', b"no field 'text'"),
            (b'{"text": 5}', b"no field 'text'"),
            (b'{"text": "5", "scale": "csat6"}', b"Did you mean 'csat5'?"),
            (b'{"text": "5", "stage": "scor"}', b"Did you mean 'score'?"),
            (b'{"text": "5", "lang": 1}', b"'lang' is not a string"),
            (b'{"text": "5", "context": [1]}', b"'context' is not an object"),
            (b'{"text": "\xff"}', b"not a JSON object"),
        ],
    )
    def test_names_the_bad_line(self, line, problem) -> None:
        """Lines before it are answered; one line says where and what; exit code 2."""
        result = run_parse(b'{"text": "5"}\n' + line + b'\n{"text": "4"}\n')
        assert result.returncode == 2
        assert len(result.stdout.splitlines()) == 1
        assert len(result.stderr.splitlines()) == 1
        assert b"stdin:2" in result.stderr
        assert problem in result.stderr

    def test_takes_own_words(self, tmp_path) -> None:
        """A file of words is laid over ours; one that is missing is said."""
        words = tmp_path / "own.yaml"
        words.write_text("add:\n  best: {en: [bonzer]}\n", encoding="utf-8")

        result = run_parse(b'{"text": "bonzer"}\n', "--words", str(words))
        assert json.loads(result.stdout)["result"]["score"] == 5
        assert run_parse(b"", "--words", str(tmp_path / "none.yaml")).returncode == 2
