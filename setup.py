"""Adds to a wheel what lies beside the package in a checkout: the shipped campaigns and templates."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithShippedFiles(build_py):
    """Copies `campaigns/` and `templates/` into `care/shipped/`; an editable install reads them where they are."""

    def run(self) -> None:
        """Build the package, then add the folders."""
        super().run()
        if self.editable_mode:
            return
        for name in ("campaigns", "templates"):
            shutil.copytree(name, Path(self.build_lib, "care", "shipped", name), dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithShippedFiles})
