"""A disk that fills up stops new work early enough to finish what is under way."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from care.base.disk import MIB, free_bytes
from care.base.settings_sections import DiskSettings
from care.delivery.room import Room
from care.schedule import JOBS, run_due_jobs
from tests.factories import make_customer
from tests.house import House


class Disk:
    """Room as a test wants it, at the port that asks the file system."""

    def __init__(self, mib: int) -> None:
        self.mib = mib

    def __call__(self, folder: Path) -> int:
        assert folder.is_dir()
        return self.mib * MIB


def room(folder: Path, mib: int, **settings: int) -> tuple[Room, Disk]:
    disk = Disk(mib)
    return Room(folder=folder, settings=DiskSettings(**{"ballast_mib": 1, **settings}), free=disk), disk


class TestRoom:
    @pytest.mark.parametrize(
        ("mib", "plans", "sends"), [(1024, True, True), (1023, False, True), (256, False, True), (255, False, False)]
    )
    def test_stops_plans_before_intents(self, tmp_path: Path, mib: int, plans: bool, sends: bool) -> None:
        """1 GiB and 256 MiB unless the settings say otherwise."""
        mine, _ = room(tmp_path, mib)
        assert (mine.may_plan(), mine.may_send()) == (plans, sends)

    def test_gives_the_ballast_up_when_sending_stops(self, tmp_path: Path) -> None:
        """The file really takes its room; it is laid again once there is plenty."""
        mine, disk = room(tmp_path, 2_000)
        mine.lay_ballast()
        assert mine.ballast.stat().st_blocks * 512 >= MIB
        assert mine.ballast.stat().st_mode & 0o077 == 0
        disk.mib = 255
        assert not mine.may_send()
        assert not mine.ballast.exists()
        mine.lay_ballast()
        assert not mine.ballast.exists()
        disk.mib = 2_000
        assert mine.may_send()
        mine.lay_ballast()
        assert mine.ballast.exists()

    def test_is_not_fooled_by_its_own_ballast(self, tmp_path: Path) -> None:
        """What giving it up freed is for outcomes, not for new intents."""
        mine, disk = room(tmp_path, 2_000, ballast_mib=16)
        mine.lay_ballast()
        disk.mib = 255
        assert not mine.may_send()
        disk.mib = 255 + 16
        assert not mine.may_send()
        disk.mib = 256 + 16
        assert mine.may_send()

    def test_says_so_once(self, tmp_path: Path) -> None:
        """One line when it stops, one when it goes on; not one a tick."""
        mine, disk = room(tmp_path, 100)
        with capture_logs() as said:
            for _ in range(5):
                mine.may_send()
            disk.mib = 2_000
            for _ in range(5):
                mine.may_send()
        assert [(each["event"], each.get("stops"), each["free_mib"]) for each in said] == [
            ("disk.low", "send", 100),
            ("disk.enough", None, 1_999),
        ]

    def test_does_not_judge_another_machines_disk(self, tmp_path: Path) -> None:
        """With a database server our own disk stops nothing."""
        mine = Room(folder=tmp_path, settings=DiskSettings(), free=Disk(1), is_ours=False)
        assert mine.may_plan()
        assert mine.may_send()
        mine.lay_ballast()
        assert not mine.ballast.exists()

    def test_goes_on_when_nobody_can_tell(self, tmp_path: Path) -> None:
        """A folder that cannot be looked at is no reason to be silent."""

        def fail(_: Path) -> int:
            raise OSError

        assert Room(folder=tmp_path, settings=DiskSettings(), free=fail).may_send()

    def test_asks_the_real_disk(self, tmp_path: Path) -> None:
        """The port's own adapter tells a sensible figure."""
        assert free_bytes(tmp_path) > MIB
        with pytest.raises(OSError, match="No such file"):
            free_bytes(tmp_path / "nowhere")


class TestAHouseWithoutRoom:
    def test_plans_nothing_and_then_sends_nothing(self, house: House) -> None:
        """What was planned waits; with room again everybody is told once."""
        house.write_campaign()
        with house.engine.begin() as conn:
            make_customer(conn, consents=("greeting",), birth_mmdd=925)
        disk = Disk(500)
        folder = house.services.settings.data_dir
        house.services.__dict__["room"] = Room(folder=folder, settings=DiskSettings(), free=disk)
        plan = tuple(job for job in JOBS if job.name == "plan")

        run_due_jobs(house.services, plan)
        assert house.messages() == []
        disk.mib = 5_000
        run_due_jobs(house.services, plan)
        assert house.statuses() == {"planned": 1}
        disk.mib = 100
        assert house.dispatch() == 0
        assert house.statuses() == {"planned": 1}
        disk.mib = 5_000
        assert house.dispatch() == 1
        assert house.statuses() == {"accepted": 1}
