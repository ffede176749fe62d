"""Set up `.venv`: the named requirement sets by hash, then the project itself, without resolving anything.

Usage: python scripts/install.py [core|postgres|dev|…]…

Works where Python comes without `ensurepip`, because the pip that runs this installs into the new environment.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 11)


def main(names: list[str]) -> None:
    """Install the named sets, core when none is named, and mark each as ready."""
    if sys.version_info < OLDEST:
        sys.exit(f"care: Python {sys.version.split()[0]} is too old. Install 3.11 or newer, or run: make PYTHON=…")
    names = names or ["core"]
    pip = pip_command()
    for name in names:
        requirements = ROOT / "requirements" / f"{name}.txt"
        if not requirements.exists():
            sys.exit(f"care: no set '{name}' in requirements/")
        say(f"installing requirements/{name}.txt into .venv (once)")
        build = ROOT / "requirements" / "build.txt"
        run([*pip, "install", "-qq", "--require-hashes", "-r", str(build), "-r", str(requirements)])
    run([*pip, "install", "-qq", "--no-deps", "--no-build-isolation", "--no-index", "-e", str(ROOT)])
    for name in names:
        (VENV / f".ready-{name}").touch()


def pip_command() -> list[str]:
    """Make the environment if it is not there and return the pip that installs into it."""
    python = VENV / "bin" / "python"
    own_pip = [sys.executable, "-m", "pip"]
    if succeeds([*own_pip, "--version"]):
        if not python.exists():
            run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
        return [*own_pip, "--disable-pip-version-check", "--python", str(python)]
    if not (python.exists() and succeeds([str(python), "-m", "pip", "--version"])):
        shutil.rmtree(VENV, ignore_errors=True)
        if not succeeds([sys.executable, "-m", "venv", str(VENV)]):
            sys.exit(f"care: {sys.executable} has neither pip nor ensurepip. Install pip for it, then run make again")
    return [str(python), "-m", "pip", "--disable-pip-version-check"]


def succeeds(command: list[str]) -> bool:
    """Tell whether a command exits 0; its output is dropped."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run(command: list[str]) -> None:
    """Run one command and stop with its exit code if it fails."""
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(f"care: the set-up stopped at: {' '.join(command[-6:])}. See the lines above")


def say(text: str) -> None:
    """Print one line of progress."""
    sys.stderr.write(f"care: {text}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
