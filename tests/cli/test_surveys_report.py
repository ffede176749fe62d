"""`care surveys report`, `care surveys improvements` and `care report quarter` as a user runs them."""

import csv
import io
import json
import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.surveys.factories_figures import World, add_improvement, make_quarter


@pytest.fixture
def world(desk: Desk) -> World:
    """A quarter of answers; the clock stands at 25 September, inside it."""
    world = make_quarter(41, tickets=700)
    for row in world["survey_answer"]:  # from the tenth of August on, nearly everybody is content
        if row["at"] >= datetime(2026, 8, 9, 16, tzinfo=UTC) and row["question"] == "overall" and row["id"] % 10:
            row["score"] = 10 if row["scale"] == "csat10" else 5
    world.write(desk.engine)
    return world


class TestReport:
    def test_prints_the_target_first(self, desk: Desk, world: World) -> None:
        """Where the running quarter stands, each measure with its interval, and what there is not enough of."""
        answer = desk("surveys", "report")
        assert (answer.code, answer.err) == (0, "")
        first, second, *_ = answer.out.splitlines()
        assert re.fullmatch(r"2026Q3: \d+ of 500 valid answers after 86 of 92 days, .*", first)
        assert "ALARM" in first
        assert "were said in words" in second
        assert "Overall (CSAT)" in answer.out
        assert "Last four weeks against the twelve before:" in answer.out

    def test_is_one_object_for_machines(self, desk: Desk, world: World) -> None:
        """Groups add up to the whole; too few answers are null with the reason."""
        found = json.loads(desk("surveys", "report", "--quarter", "2026Q3", "--json").out)
        assert found["valid"]["target"] == 500
        assert found["valid"]["alarm"] is True
        whole = found["measures"]["overall"]["n"]
        for by in ("area", "staff", "kind", "channel", "hour"):
            assert sum(group["answers"] for group in found["groups"][by]) == whole
        few = [m for m in found["measures"].values() if m["n"] < 30]
        assert few
        assert all(m["value"] is None and m["note"].startswith("not enough data") for m in few)

    def test_prints_groups_as_csv(self, desk: Desk, world: World) -> None:
        """One row per group, read back by a spreadsheet."""
        rows = list(csv.DictReader(io.StringIO(desk("surveys", "report", "--by", "area", "--csv").out)))
        assert {row["group"] for row in rows} == {"East", "West", "South", "北区", "not known"}
        assert all(
            float(row["low"]) <= float(row["satisfied"]) <= float(row["high"]) for row in rows if row["satisfied"]
        )

    def test_of_some_days_counts_those(self, desk: Desk, world: World) -> None:
        """Two halves make the whole."""
        options = (
            ["--since", "2026-07-01", "--until", "2026-08-14"],
            ["--since", "2026-08-15"],
            ["--quarter", "2026Q3"],
        )
        first, second, whole = (
            json.loads(desk("surveys", "report", *words, "--json").out)["measures"]["nps"]["n"] for words in options
        )
        after = [
            row
            for row in world["survey_answer"]
            if row["survey"] == "nps" and row["at"] >= datetime(2026, 9, 25, 16, tzinfo=UTC)
        ]
        assert first + second + len(after) == whole

    @pytest.mark.parametrize(
        ("words", "problem"),
        [
            (["--quarter", "2026Q5"], "2026Q5: not a quarter. Write it as 2026Q3"),
            (["--by", "moon"], "--by moon: not known. Use one of area, staff, kind, channel, hour"),
            (["--csv"], "--csv: prints groups. Add --by area, staff, kind, channel or hour"),
            (["--until", "2026-08-01"], "--until: needs a first day. Add --since"),
            (["--since", "2026-08-02", "--until", "2026-08-01"], "no day lies between"),
            (["--quarter", "2026Q3", "--since", "2026-08-02"], "Leave out --since and --until"),
        ],
    )  # fmt: skip
    def test_refuses_what_it_cannot_use(self, desk: Desk, words: list[str], problem: str) -> None:
        """Exit 2, one line."""
        answer = desk("surveys", "report", *words)
        assert answer.code == 2
        assert problem in answer.err
        assert answer.err.count("\n") == 1

    def test_of_an_empty_house_says_so_in_words(self, desk: Desk) -> None:
        """Nothing is divided by nothing."""
        answer = desk("surveys", "report", "--by", "staff")
        assert answer.code == 0
        assert "0 of 500 valid answers" in answer.out
        assert "not enough data (0 of 30)" in answer.out


class TestImprovements:
    ADD = ("surveys", "improvements", "add", "--theme", "slow", "--measure", "two more vans", "--by", "quality")

    def test_are_written_down_and_judged(self, desk: Desk, world: World) -> None:
        """Listed with what came of them; the campaign file tells it with the measured figures and passes the check."""
        assert desk("surveys", "improvements", "list").code == 1
        made = json.loads(desk(*self.ADD, "--from", "2026-08-10", "--json").out)
        listed = json.loads(desk("surveys", "improvements", "list", "--json").out)
        assert (listed["id"], listed["measure"]) == (made["id"], "two more vans")
        assert "a significant rise" in listed["effect"]
        text = desk("surveys", "improvements", "campaign", str(made["id"]), "--on", "2026-10-20").out
        told = json.loads(
            desk("surveys", "improvements", "campaign", str(made["id"]), "--on", "2026-10-20", "--json").out
        )
        assert told == {"measure": made["id"], "on": "2026-10-20", "text": text.rstrip("\n")}
        file = Path(desk.house.folder) / "campaigns" / "you_said.yaml"
        file.write_text(text, encoding="utf-8")
        checked = desk("campaigns", "check", str(file))
        assert (checked.code, checked.err) == (0, "")
        before, after = re.search(r'before: "(\d+)%"', text), re.search(r'after: "(\d+)%"', text)
        assert int(after[1]) > int(before[1])

    def test_without_effect_are_not_told(self, desk: Desk, world: World) -> None:
        """Nobody is told of a rise that was not measured."""
        number = json.loads(desk(*self.ADD, "--from", "2026-07-02", "--json").out)["id"]
        answer = desk("surveys", "improvements", "campaign", str(number), "--on", "2026-10-20")
        assert answer.code == 1
        assert "nothing to tell yet: not enough data" in answer.err
        assert desk("surveys", "improvements", "campaign", "99", "--on", "2026-10-20").code == 2

    def test_need_a_theme_that_comments_have(self, desk: Desk) -> None:
        """A name of nobody's comments is refused with those there are, and nothing is written."""
        answer = desk(*self.ADD, "--theme", "bogus", "--from", "2026-08-10")
        assert answer.code == 2
        assert "'bogus' is no theme. Known: slow, attitude, skill" in answer.err
        assert desk("surveys", "improvements", "list").code == 1

    def test_need_words(self, desk: Desk) -> None:
        """An empty measure, or a day that is none, is refused and nothing written."""
        words = [*self.ADD, "--from", "2026-08-10"]
        words[words.index("two more vans")] = " "
        assert desk(*words).code == 2
        assert desk(*self.ADD, "--from", "2026-13-10").code == 2
        assert desk("surveys", "improvements", "list").code == 1


class TestQuarter:
    TITLES = (
        "1. Purpose", "2. Scope and frequency", "3. Methods and duties", "4. Gathering", "5. Analysis", "6. Communicating",
        "7. Monitoring", "8. Improvement", "Report on the handling of feedback",
    )  # fmt: skip

    def test_has_every_chapter_in_order(self, desk: Desk, world: World) -> None:
        """In both forms; preliminary while the quarter runs."""
        page = desk("report", "quarter", "2026Q3").out
        text = desk("report", "quarter", "2026Q3", "--format", "md").out
        assert tuple(re.findall(r"<h2>(.*?)</h2>", page)) == self.TITLES
        assert tuple(re.findall(r"^## (.*)$", text, re.MULTILINE)) == self.TITLES
        assert "preliminary as of 2026-09-25" in page
        assert "Response rate" in text
        assert "first\\_answer: as shipped" in text

    def test_needs_nothing_from_elsewhere(self, desk: Desk, world: World) -> None:
        """No script, no address, no picture but its own drawings; nothing personal."""
        page = desk("report", "quarter", "2026Q3").out
        assert "<svg" in page
        assert not re.search(r"<script|https?://|<img|url\(", page)
        assert "13800138000" not in page
        assert "王小明" not in page

    def test_fits_a_phone_and_prints_on_paper(self, desk: Desk, world: World, tmp_path: Path) -> None:
        """A real browser: nothing is wider than the screen, nothing is asked of the network, and A4 pages come out."""
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        if chromium is None:
            pytest.skip("needs a browser: apt-get install chromium")
        from playwright.sync_api import sync_playwright

        desk("report", "quarter", "2026Q3", "--out", "q3.html")
        asked: list[str] = []
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 390, "height": 800})
            page.on("request", lambda request: asked.append(request.url))
            page.goto((tmp_path / "q3.html").as_uri())
            widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            drawings = page.locator("svg").count()
            paper = page.pdf(prefer_css_page_size=True)
            browser.close()
        assert widths[0] <= widths[1]
        assert drawings >= 6
        assert len(asked) == 1
        assert paper.startswith(b"%PDF")
        boxes = {tuple(map(float, box)) for box in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)}
        assert {(round(width), round(height)) for width, height in boxes} == {(595, 842)}

    def test_escapes_what_people_wrote(self, desk: Desk, world: World) -> None:
        """A measure with signs of HTML and Markdown stays a text."""
        extra = World(0)
        add_improvement(extra, date(2026, 8, 10), measure="<b>more</b> | vans*")
        extra.write(desk.engine)
        assert "&lt;b&gt;more&lt;/b&gt; | vans*" in desk("report", "quarter", "2026Q3").out
        assert "&lt;b\\>more&lt;/b\\> \\| vans\\*" in desk("report", "quarter", "2026Q3", "--format", "md").out

    def test_prints_the_applied_commitment(self, desk: Desk, world: World) -> None:
        """An operator's own deadline, by its source; every late ticket by name for machines."""
        (Path(desk.house.folder) / "campaigns" / "commitments.yaml").write_text(
            "commitments:\n  first_answer: {title: First, source: 手册 四.1, from: opened_at, to: first_response_at, within: 3m}\n",
            encoding="utf-8",
        )
        assert "first_answer: 手册 四.1 (commitments.yaml)" in desk("report", "quarter", "2026Q3").out
        found = json.loads(desk("report", "quarter", "2026Q3", "--json").out)
        first = next(one for one in found["commitments"] if one["name"] == "first_answer")
        assert (first["source"], first["within"], first["is_own"]) == ("手册 四.1", "3 min", True)
        late = [
            row["external_id"]
            for row in world["ticket"]
            if (row["first_response_at"] - row["opened_at"]).total_seconds() > 180 and not row["is_test"]
        ]
        assert first["late"] == late
        assert desk("campaigns", "list").code == 0

    def test_goes_into_a_file(self, desk: Desk, tmp_path: Path) -> None:
        """Of an empty house too; a folder that is not there is named."""
        answer = desk("report", "quarter", "2026Q1", "--out", "q1.html")
        assert (answer.code, answer.out) == (0, "q1.html: the report of 2026Q1 is written.\n")
        assert "not enough data (0 of 30)" in (tmp_path / "q1.html").read_text(encoding="utf-8")
        assert "preliminary" not in (tmp_path / "q1.html").read_text(encoding="utf-8")
        assert desk("report", "quarter", "2026Q1", "--out", "none/q1.html").code == 2
        told = json.loads(desk("report", "quarter", "2026Q1", "--json", "--out", "q1.json").out)
        assert told == {"quarter": "2026Q1", "file": "q1.json"}
        assert desk("report", "quarter", "2026Q1", "--format", "json").out == (tmp_path / "q1.json").read_text("utf-8")
        assert desk("report", "quarter", "2026Q1", "--format", "pdf").code == 2
        assert desk("report", "quarter", "2026Q1", "--format", "md", "--json").code == 2
        assert desk("report", "quarter", "Q1").code == 2

    def test_refuses_a_mistake_in_the_commitments(self, desk: Desk) -> None:
        """With file, line and column, and no report."""
        (Path(desk.house.folder) / "campaigns" / "commitments.yaml").write_text("commitments:\n  fist_answer: off\n")
        answer = desk("report", "quarter", "2026Q3")
        assert (answer.code, answer.out) == (2, "")
        assert "commitments.yaml:2:3: 'fist_answer' is not known. Did you mean 'first_answer'?" in answer.err
