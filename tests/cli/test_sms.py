"""`care sms parts` as a user runs it."""

import json
import subprocess
import sys

import pytest


def run_parts(lines: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "care.cli.main", "sms", "parts"], input=lines, capture_output=True, check=False
    )


class TestSmsParts:
    def test_counts_line_by_line(self) -> None:
        """One answer a line, in order; a blank line is nothing."""
        result = run_parts('{"text": "hi"}\n\n{"text": "好", "x": 1}\n{"text": "\\u20ac"}'.encode())
        assert result.returncode == 0, result.stderr
        assert [json.loads(line) for line in result.stdout.splitlines()] == [
            {"encoding": "GSM-7", "parts": 1, "units": 2},
            {"encoding": "UCS-2", "parts": 1, "units": 1},
            {"encoding": "GSM-7", "parts": 1, "units": 2},
        ]

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            (b"hi", b"not a JSON object"),
            (b"[1]", b"no field 'text'"),
            (b'{"txt": "a"}', b"no field 'text'"),
            (b'{"text": 5}', b"no field 'text'"),
            (b'{"text": ""}', b"the text is empty"),
            (b'{"text": "\xff"}', b"not a JSON object"),
            (b"[" * 100_000, b"not a JSON object"),
        ],
    )
    def test_names_the_bad_line(self, line, problem) -> None:
        """Lines before it are answered; one line says where and what; exit code 2."""
        result = run_parts(b'{"text": "hi"}\n' + line + b'\n{"text": "later"}\n')
        assert result.returncode == 2
        assert len(result.stdout.splitlines()) == 1
        assert len(result.stderr.splitlines()) == 1
        assert b"stdin:2" in result.stderr
        assert problem in result.stderr

    def test_answers_as_it_goes(self) -> None:
        """A pipe gets each answer before the next question."""
        command = [sys.executable, "-m", "care.cli.main", "sms", "parts"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for _ in range(3):
                process.stdin.write(b'{"text": "hi"}\n')
                process.stdin.flush()
                assert json.loads(process.stdout.readline())["parts"] == 1
