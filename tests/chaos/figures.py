"""The table at the end of a run: each row of the matrix, what was played, what was expected and what was seen."""

from typing import Any

HEAD = ("row", "played", "expected", "seen", "")


def show_table(reporter: Any) -> None:
    """Write the table, and the seed that repeats the run."""
    reports = [report for kind in ("passed", "failed") for report in reporter.stats.get(kind, [])]
    lines, seeds = [], set()
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == "chaos":
                row, played, expected, seen = value
                lines.append((int(row), played, expected, seen, report.outcome))
            elif name == "chaos-seed":
                seeds.add(int(value))
    if not lines and not seeds:
        return
    rows = [HEAD, *((str(row or "–"), *rest) for row, *rest in sorted(lines))]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEAD))]
    reporter.section("chaos")
    for row in rows:
        reporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for seed in sorted(seeds):
        reporter.write_line(f"CHAOS_SEED={seed} repeats this run")
