"""A believable quarter of tickets, follow-ups and answers, seeded; the rows stay at hand for plain Python to count."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from care.base.database import write
from care.customers.tables import customer
from care.customers.tickets.tables import ticket, ticket_resolution
from care.messages.tables import message
from care.surveys.tables import follow_up, improvement, survey_answer, survey_case, survey_session

START = datetime(2026, 7, 1, tzinfo=UTC) - timedelta(hours=8)  # midnight of 1 July in Shanghai
AREAS = ("East", "West", "South", "北区", None)
STAFF = ("Li Na", "王强", "Chen Wei", "赵敏", None)
KINDS = ("repair", "repair", "repair", "complaint", "installation")
COMMENTS = (
    "师傅来得太慢了", "态度很好 谢谢", "too slow, waited two days", "资费太贵", "网速还是慢，信号不好", "问题没有解决",
    "The technician was rude", "预约了没人来", "call me on 13800138000", "还行", "很满意", "price is too high",
)  # fmt: skip
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@dataclass
class World:
    """Rows as they were written, by table."""

    seed: int
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __getitem__(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table, oldest first."""
        return self.rows.setdefault(table, [])

    def by_id(self, table: str) -> dict[int, dict[str, Any]]:
        """Return the rows of a table by id."""
        return {row["id"]: row for row in self[table]}

    def write(self, engine: sa.Engine) -> None:
        """Insert everything."""
        tables = (
            *(customer, ticket, ticket_resolution, message, follow_up),
            *(survey_session, survey_answer, survey_case, improvement),
        )
        with write(engine) as conn:
            for table in tables:
                rows = self[table.name]
                for at in range(0, len(rows), 2_000):
                    conn.execute(sa.insert(table), rows[at : at + 2_000])


def make_quarter(seed: int, *, tickets: int = 400, start: datetime = START, days: int = 92) -> World:
    """Return a quarter: tickets of every kind, most asked, some answered late, in words, twice, or by phone."""
    world, dice = World(seed), random.Random(seed)
    for n in range(1, tickets + 1):
        _add_customer(world, n, dice)
        _add_ticket(world, n, dice, start + dice.random() * days * DAY)
    for n in range(1, tickets // 8 + 1):
        _add_talk(world, n, dice, start + dice.random() * days * DAY)
    return world


def _add_customer(world: World, n: int, dice: random.Random) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    world["customer"].append(
        {
            "id": n, "external_id": f"C{n}", "country": "CN", "timezone": "Asia/Shanghai", "locale": "zh-CN",
            "name": "王小明", "area": dice.choice(AREAS), "draw": 1 + n, "created_at": at, "updated_at": at, "attributes": {},
        }
    )  # fmt: skip


def _add_ticket(world: World, n: int, dice: random.Random, opened: datetime) -> None:
    kind, took = dice.choice(KINDS), timedelta(hours=dice.expovariate(1 / 20))
    resolved = opened + took
    common = {
        "customer_id": n, "kind": kind, "severity": dice.choice(["ordinary", "ordinary", "major", None]),
        "staff": dice.choice(STAFF), "area": dice.choice(AREAS), "parent": None, "result": None,
        "is_test": dice.random() < 0.03, "opened_at": opened, "resolved_at": resolved,
        "first_response_at": opened + dice.choice([2, 4, 9, 300, 2000]) * timedelta(minutes=1),
    }  # fmt: skip
    world["ticket"].append(
        {
            **common, "id": n, "external_id": f"T-{n}", "channel": dice.choice(["phone", "app"]), "closed_at": None,
            "reopened_at": None, "resolutions": 1, "as_of": resolved, "updated_at": resolved,
            "attributes": {"area_type": dice.choice(["city", "country"]), "wait_seconds": str(dice.randint(0, 70))},
        }
    )  # fmt: skip
    rounds = 2 if dice.random() < 0.08 else 1
    for r in range(1, rounds + 1):
        at = resolved + (r - 1) * 3 * DAY
        _add_resolution(world, common, dice, ticket_id=n, r=r, resolved=at, took=took)


def _add_resolution(
    world: World, common: dict[str, Any], dice: random.Random, *, ticket_id: int, r: int, resolved: datetime, took: Any
) -> None:
    made = len(world["ticket_resolution"]) + 1
    world["ticket_resolution"].append(
        {
            **common, "id": made, "external_id": f"T-{ticket_id}:r{r}", "ticket_id": ticket_id, "n": r, "resolved_at": resolved,
            "first_call_at": common["opened_at"], "address_hash": None, "recorded_at": resolved, "followed_up_at": resolved,
        }
    )  # fmt: skip
    state = dice.choice(["answered"] * 4 + ["closed_unanswered"] * 2 + ["delivered", "exempt", "phone_task", "invited"])
    asked = resolved + 2 * HOUR if state in ("answered", "closed_unanswered", "delivered", "invited") else None
    reasons = {"exempt": dice.choice(["asked_recently", "opted_out"]), "phone_task": "no_contact"}
    channel = dice.choice(["sms", "sms", "email"])
    world["follow_up"].append(
        {
            "id": made, "external_id": f"T-{ticket_id}:r{r}", "resolution_id": made, "ticket_id": ticket_id,
            "customer_id": common["customer_id"], "kind": common["kind"], "campaign_id": "survey", "resolved_at": resolved,
            "due_at": resolved + 2 * HOUR, "commitment": "complaint" if common["kind"] == "complaint" else "repair",
            "deadline_at": resolved + 3 * DAY, "call_deadline_at": None, "state": state, "reason": reasons.get(state),
            "merged_into": None, "is_late": dice.random() < 0.05, "is_call_late": False, "invite_message_id": made if asked else None,
            "covered_at": asked or resolved, "invited_at": asked, "delivered_at": asked if state != "invited" else None,
            "reminded_at": None, "answered_at": None, "closed_at": None, "state_at": resolved,
        }
    )  # fmt: skip
    if asked:
        _add_invite(world, made, common["customer_id"], channel, asked, subject=f"T-{ticket_id}:r{r}")
        _add_session(
            *(world, "ticket", "csat5"), message_id=made, customer_id=common["customer_id"], channel=channel, at=asked,
            follow_up_id=made,
        )  # fmt: skip
    if state == "answered":
        assert asked is not None
        _answer_ticket(world, dice, made, customer_id=common["customer_id"], channel=channel, asked=asked, took=took)


def _add_invite(world: World, made: int, customer_id: int, channel: str, at: datetime, *, subject: str) -> None:
    world["message"].append(
        {
            "id": made, "campaign_id": "survey", "occasion": f"ticket:{subject}", "customer_id": customer_id, "leg": "main",
            "occasion_on": at.date(), "subject": subject, "purpose": "survey", "lane": 3, "status": "delivered", "due_at": at,
            "use_by": at + DAY, "wake_at": at, "channel": channel, "plan_digest": "0", "planned_at": at, "status_at": at,
            "sent_at": at, "delivered_at": at,
        }
    )  # fmt: skip


def _add_session(
    world: World, survey: str, scale: str, *, message_id: int, customer_id: int, channel: str, at: datetime, **more: Any
) -> int:
    made = len(world["survey_session"]) + 1
    world["survey_session"].append(
        {
            "id": made, "survey": survey, "campaign_id": "survey", "message_id": message_id, "follow_up_id": None,
            "customer_id": customer_id, "channel": channel, "address_hash": f"h{customer_id}", "locale": "zh-CN", "scale": scale,
            "stage": "done", "opened_at": at, "asked_at": at, "expires_at": at + 7 * DAY, "late_until": at + 14 * DAY, **more,
        }
    )  # fmt: skip
    return made


def add_answer(world: World, **fields: Any) -> dict[str, Any]:
    """Add one answer; what is not named is an ordinary one about a ticket by text message."""
    made = len(world["survey_answer"]) + 1
    row = {
        "id": made, "session_id": None, "follow_up_id": None, "customer_id": 1, "survey": "ticket", "question": "overall",
        "scale": "csat5", "score": 5, "raw": None, "comment": None, "derived": False, "is_late": False, "channel": "sms",
        "source": f"inbound:{made}", "by": None, "at": START + 10 * DAY, "superseded_at": None, **fields,
    }  # fmt: skip
    world["survey_answer"].append(row)
    return row


def _answer_ticket(
    world: World, dice: random.Random, made: int, *, customer_id: int, channel: str, asked: datetime, took: timedelta
) -> None:
    session = world["survey_session"][-1]["id"]
    late = dice.random() < 0.06
    at = asked + (dice.uniform(8, 20) * DAY if late else dice.random() * 2 * DAY)
    by_phone = dice.random() < 0.05
    good = 0.9 if took < DAY else 0.6
    score = dice.choice([4, 5]) if dice.random() < good else dice.choice([1, 2, 3])
    common: dict[str, Any] = {
        "session_id": None if by_phone else session, "follow_up_id": made, "customer_id": customer_id, "is_late": late,
        "channel": "phone" if by_phone else channel, "by": "desk" if by_phone else None,
    }  # fmt: skip
    if dice.random() < 0.1:  # corrected: the first word does not count
        add_answer(world, **common, at=at - HOUR, score=1, superseded_at=at)
    scale = dice.choice(["csat5", "csat5", "csat5", None, "csat5r", "csat10"])
    value = 2 * score if scale == "csat10" else score
    add_answer(world, **common, at=at, scale=scale, score=value, derived=dice.random() < 0.2)
    world["follow_up"][-1]["answered_at"] = at
    for question in ("result", "timeliness", "attitude"):
        if dice.random() < 0.6:
            add_answer(
                world, **common, at=at, question=question, score=max(1, min(5, score + dice.choice([-1, 0, 0, 1])))
            )
    if dice.random() < 0.3:
        add_answer(world, **common, at=at, question="solved", scale="yn", score=int(score > 2))
    if dice.random() < 0.5:
        add_answer(world, **common, at=at, question="comment", scale=None, score=None, comment=dice.choice(COMMENTS))
    if score <= 2:
        _add_case(world, dice, made, customer_id, at)


def _add_case(world: World, dice: random.Random, follow_up_id: int, customer_id: int, at: datetime) -> None:
    closed = at + dice.expovariate(1 / 30) * HOUR if dice.random() < 0.8 else None
    world["survey_case"].append(
        {
            "id": len(world["survey_case"]) + 1, "reason": "low_score", "customer_id": customer_id, "follow_up_id": follow_up_id,
            "opened_at": at, "due_at": at + 2 * DAY, "closed_at": closed, "outcome": "solved" if closed else None,
            "recontacted_at": None,
        }
    )  # fmt: skip


def _add_talk(world: World, n: int, dice: random.Random, at: datetime) -> None:
    survey = dice.choice(["nps", "nps", "ces", "in_process"])
    question, scale, top = {
        "nps": ("recommend", "nps", 10), "ces": ("effort", "ces7", 7), "in_process": ("overall", "csat5", 5),
    }[survey]  # fmt: skip
    made = 100_000_000 + n
    _add_invite(world, made, n, "sms", at, subject=f"{survey}:{n}")
    session = _add_session(world, survey, scale, message_id=made, customer_id=n, channel="sms", at=at)
    if dice.random() < 0.6:
        low = 0 if survey == "nps" else 1
        score = dice.randint(low, top)
        add_answer(
            world, session_id=session, customer_id=n, survey=survey, question=question, scale=scale, score=score, at=at + HOUR
        )  # fmt: skip


def add_improvement(world: World, in_force_on: date, **fields: Any) -> None:
    """Add a measure."""
    made = len(world["improvement"]) + 1
    world["improvement"].append(
        {
            "id": made, "theme": "slow", "measure": "two more technicians in the evening", "area": None, "kind": None,
            "in_force_on": in_force_on, "recorded_at": START, "by": "quality", **fields,
        }
    )  # fmt: skip
