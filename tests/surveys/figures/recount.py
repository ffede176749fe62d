"""The same figures once more, by plain Python over the rows and not by the product's SQL."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from care.surveys.figures.period import Period
from tests.surveys.factories_figures import World

MAIN = {"ticket": "overall", "in_process": "overall", "nps": "recommend", "ces": "effort"}
TOPS = {
    "csat5": (1, 5),
    "csat5r": (1, 5),
    "csat5x4": (1, 5),
    "csat10": (1, 10),
    "nps": (0, 10),
    "ces7": (1, 7),
    "yn": (0, 1),
}
USUAL = {"overall": "csat5", "result": "csat5", "timeliness": "csat5", "attitude": "csat5", "solved": "yn",
         "recommend": "nps", "effort": "ces7"}  # fmt: skip
GOOD = {1: 1, 5: 4, 7: 5, 10: 8}


def valid_rows(world: World, period: Period) -> list[dict[str, Any]]:
    """Return the valid answers, each with what is known of its ticket."""
    follow_ups, resolutions = world.by_id("follow_up"), world.by_id("ticket_resolution")
    sessions, customers = world.by_id("survey_session"), world.by_id("customer")
    chosen: dict[Any, dict[str, Any]] = {}
    for row in world["survey_answer"]:
        if row["question"] not in USUAL or row["score"] is None or row["superseded_at"] is not None:
            continue
        if not period.since <= row["at"] < period.until:
            continue
        low, high = TOPS[row["scale"] or USUAL[row["question"]]]
        if not low <= row["score"] <= high:
            continue
        session, asked = sessions.get(row["session_id"]), follow_ups.get(row["follow_up_id"])
        if session and row["at"] > session["late_until"]:
            continue
        if not session and not asked and row["channel"] not in ("phone", "paper"):
            continue
        resolution = resolutions[asked["resolution_id"]] if asked else {}
        if resolution.get("is_test"):
            continue
        if asked:
            matter: Any = ("ticket", asked["ticket_id"])
        else:
            matter = ("talk", row["session_id"]) if row["session_id"] else ("person", row["customer_id"])
        invited = (asked or {}).get("invited_at") or (session or {}).get("opened_at")
        full = {
            **row, "high": high, "low": low, "matter": matter, "staff": resolution.get("staff"), "kind": resolution.get("kind"),
            "area": resolution.get("area") or customers[row["customer_id"]]["area"], "invited_at": invited,
            "resolution": resolution, "good": row["score"] >= GOOD[high],
        }  # fmt: skip
        key = (row["survey"], matter, row["question"])
        there = chosen.get(key)
        if there is None or _rank(full) > _rank(there):
            chosen[key] = full
    mains = {(survey, matter) for survey, matter, question in chosen if question == MAIN[survey]}
    return [row for (survey, matter, _), row in chosen.items() if (survey, matter) in mains]


def _rank(row: dict[str, Any]) -> tuple[Any, ...]:
    return (not row["is_late"], row["at"], row["id"])


def counted(rows: list[dict[str, Any]], key: Any) -> dict[Any, tuple[int, int]]:
    """Return (satisfied, all) per group."""
    found: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        found[key(row)][0] += row["good"]
        found[key(row)][1] += 1
    return {group: (good, n) for group, (good, n) in found.items()}


def shanghai(instant: Any) -> Any:
    """Return an instant on Shanghai's clock."""
    return instant + timedelta(hours=8)
