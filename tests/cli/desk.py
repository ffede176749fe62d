"""A desk in a small house: commands as a user types them, on the house's database, folder and clock."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from care.base.database import write
from care.inbound.sandbox_life import SandboxLife
from tests.factories import SUPPRESSION_KEY, make_customer
from tests.house import ROOT, House

SETTINGS = """\
[database]
url = "{url}"
[paths]
campaigns = "{folder}/campaigns"
templates = "{root}/templates/messages"
[security]
secret_key = "a secret for tests only, of thirty-two bytes"
suppression_key = "{key}"
[prices]
CN = 0.05
"""


class Desk:
    """A house and the command line beside it."""

    def __init__(self, house: House, care: Any, capsys: pytest.CaptureFixture[str]) -> None:
        self.house, self.run, self.capsys = house, care, capsys
        url = house.engine.url.render_as_string(hide_password=False)
        text = SETTINGS.format(url=url, folder=house.folder, root=ROOT, key=SUPPRESSION_KEY.decode())
        (Path(house.folder) / "care.toml").write_text(text, encoding="utf-8")
        self.carrier = SandboxLife(house.services.settings, house.engine, house.clock)

    def __call__(self, *words: str) -> Any:
        """Run one command; what the house said before is not part of the answer."""
        self.capsys.readouterr()
        return self.run(*words)

    @property
    def engine(self) -> sa.Engine:
        """The database under test."""
        return self.house.engine

    def customer(self, external_id: str, **fields: Any) -> int:
        """Insert a customer who agreed to greetings, born on Mid-Autumn day of the clock."""
        with write(self.engine) as conn:
            defaults: dict[str, Any] = {"consents": ("greeting",), "birth_mmdd": 925, "external_id": external_id}
            return make_customer(conn, **(defaults | fields))

    def greet(self) -> None:
        """Plan and send what is due, and hear what the carrier says within the hour."""
        self.house.plan()
        self.house.dispatch()
        self.house.clock.advance(timedelta(hours=1))
        self.carrier.pump(self.house.clock.now())
