"""Write `requirements/*.txt`: pinned, hashed, for every platform, naming no registry.

`core.txt` stands alone; every other file begins with the files it builds on and adds what is new, so that a
version is written once. Needs `uv`; users and their machines do not.

Usage: python scripts/lock_requirements.py [--upgrade]
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
BUILDS_ON = {"dev": ("postgres", "fast", "alerts", "analysis"), "bench": ("dev",), "redis": ("celery",)}
COMPILE = [
    *("uv", "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"),
]
_ENTRY = re.compile(r"^[A-Za-z0-9][\w.-]*==.*?(?=^[A-Za-z0-9-]|\Z)", re.MULTILINE | re.DOTALL)


def main(options: list[str]) -> None:
    """Resolve everything together once, so that all sets agree, then write each set."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = list(project["optional-dependencies"])
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder) / "all.txt"
        if "--upgrade" not in options:
            seed = "".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.txt")))
            everything.write_text("".join(_entries(seed)), encoding="utf-8")
        compile_set(["--all-extras"], everything)
        compile_set(["--group", "build"], FOLDER / "build.txt", source=())
        core = compile_set([], FOLDER / "core.txt", constraint=everything)
        written = {"core": core}
        for extra in sorted(extras, key=lambda name: len(ancestors(name))):
            bases = BUILDS_ON.get(extra, ()) or ("core",)
            wanted = [f"--extra={name}" for name in (extra, *ancestors(extra)) if name != "core"]
            entries = compile_set(wanted, FOLDER / f"{extra}.txt", constraint=everything)
            inherited = {entry for base in ancestors(extra) for entry in written[base]}
            written[extra] = [entry for entry in entries if entry not in inherited]
            lines = "".join(f"-r {base}.txt\n" for base in bases)
            (FOLDER / f"{extra}.txt").write_text(lines + "".join(written[extra]), encoding="utf-8")


def ancestors(name: str) -> tuple[str, ...]:
    """Return every set a set builds on, core included."""
    bases = BUILDS_ON.get(name, ())
    return tuple(dict.fromkeys(["core", *bases, *(more for base in bases for more in ancestors(base))]))


def compile_set(
    options: list[str], target: Path, *, source: tuple[str, ...] = ("pyproject.toml",), constraint: Path | None = None
) -> list[str]:
    """Resolve one set into a file and return its entries, each with its hashes."""
    limits = ["-c", str(constraint)] if constraint else []
    subprocess.run([*COMPILE, *source, *options, *limits, "-o", str(target)], check=True, cwd=ROOT)
    return _entries(target.read_text(encoding="utf-8"))


def _entries(text: str) -> list[str]:
    found = {match[0].split()[0]: match[0] for match in _ENTRY.finditer(text)}
    return list(found.values())


if __name__ == "__main__":
    main(sys.argv[1:])
