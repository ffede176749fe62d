"""`docs/follow-up.md`, with its diagram drawn from the table of legal moves."""

from collections.abc import Mapping
from typing import Final

from care.surveys.model import NEXT_STATE, FollowUpState

S = FollowUpState

_WORDS: Final[Mapping[FollowUpState, str]] = {
    S.DUE: "will be asked at its moment",
    S.INVITED: "a provider took the question",
    S.DELIVERED: "the question reached the phone or mailbox",
    S.REMINDED: "asked a second and last time",
    S.ANSWERED: "the overall question has an answer",
    S.PHONE_TASK: "no message reaches: a person calls",
    S.MERGED: "the question about another ticket stands for it",
    S.EXEMPT: "need not be asked; the reason is named",
    S.CLOSED_UNANSWERED: "asked, and nobody answered in seven days",
}

_BEFORE: Final = """\
# Following up

Every ticket that is resolved gets one follow-up, and it is always in exactly one state. 100 % means that nobody was
forgotten: asked, called by a person, merged or exempt for a named reason. This page is written from
`care/surveys/diagram.py`: `make docs`.

```sh
care surveys followup                       # the last 30 days; exit 1 if somebody was forgotten
care surveys followup --since 2026-09-01 --until 2026-09-30 --json
care surveys followup --gaps                # who was forgotten, by name
care surveys followup --late                # what was too late
care surveys followup --csv                 # every resolution
care surveys followup --phone-tasks calls.csv   # the calls to make
care import answers calls.csv               # the same file, filled in
```

## States

```mermaid
stateDiagram-v2
    [*] --> due
    [*] --> merged
    [*] --> exempt
    [*] --> phone_task
"""

_AFTER: Final = """\
Late is no state but a flag beside it, one per promise: covered after the deadline, or past it and not covered yet. A
ticket that is reopened before the question left is exempt, `reopened`; its next resolution is followed up anew.

## When a customer is asked

- A campaign with the occasion `ticket_resolved` asks about the kinds of tickets it names under `of`; each kind has
  one. With `asks: effort` it asks how easy it was, instead of how satisfied ([further surveys](further-surveys.md)).
- Two hours after the resolution (`delay`), in the contact hours for surveys of the customer's country, on the
  customer's clock. Those who could be asked at the same minute are spread over half an hour; those of one fault with
  a hundred tickets or more over half of the time there is.
- Where night or a holiday would break the deadline, at the last allowed moment before it. Where no minute before it
  is allowed, at the first one after it, with the reason `no_hour_before_deadline` and the flag.
- "Still resolved" is asked again on the database's rows in the moment of sending.
- The number that reported the ticket is written to first, also if it is not the customer's; opt-outs of that number
  and the customer's consent count for it as for any other.
- Who has not answered is reminded once (`remind_after`), at another hour of the day. Whatever the customer
  writes back, a case or a reopening cancels the reminder. After `close_after`, seven days, the follow-up is closed.

## Promises

| promise | in the campaign | counts from |
|---|---|---|
| `repair_72h`, `installation_72h` | `deadline: 72h` | the resolution |
| `complaint_1wd` | `deadline: 1 working day` | the resolution; ends when the office closes (`office_closes`) |
| `first_call_72h` | `call_deadline: 72h` | the customer's first call about the ticket |

`deadline: {within: 72h, name: repair_72h, source: service handbook}` gives a promise a name and says where it is
written; both stand beside its share in `care surveys followup` and `care report quarter`. Working days are those of the
operator's country and of `campaigns/calendar.yaml`. What counts is when the first provider took the question, the call
was recorded, or the exemption was.

Both shares are of those whose time has come: `coverage` is everybody who was asked, called, merged or exempt, however
late; `covered in time` those for whom it was before the deadline that counts from the resolution. What is not covered
and not over yet is in neither. What is merged shares the fate of what stands for it: open as long as that question or
call is, then a gap, and covered when it was made.

## One question for several tickets

Of ordinary tickets a customer is asked about one in 30 days (`survey_invites_per_30d` in the policy). What was
resolved before the question left is `merged` into it; what is resolved later is exempt, `asked_recently`; the same
holds for customers who share a phone. Two that wait become one about the later ticket, as long as that keeps the
promise about the earlier; if the question that stood for others is never sent after all, they are due again. Campaigns
with `capped: false`, as shipped for complaints and installations, always ask and are never merged. After a reopening
the customer is asked again only if the first question was unanswered or the answer was "not solved"; else the follow-up
is exempt, `answered_before`.

## Who is not asked

| reason | exempt because |
|---|---|
| `test_ticket`, `staff` | the ticket says so, or the customer's type is `staff` |
| `deceased`, `left`, `erased` | the customer's record says so |
| `legal_hold` | the customer's attribute `legal_hold` is yes |
| `opted_out` | no surveys, in the customer's own words |
| `asked_recently`, `answered_before`, `reopened` | see above |
| `no_campaign` | no campaign asks about tickets of this kind |
| `too_old` | we heard of it more than two weeks after it was resolved |

A phone task names its reason too: `no_contact`, a dead number, `undelivered`, `failed`, `expired` (the question waited,
such as for the answer to another one, until its time was over), `quiet_hours`, `not_in_audience`, `no_allowed_hour`, or
`no_inbound_sms`: where country or sender take no replies and links may not pass, questions go by e-mail, and where
there is none a person calls; where links may pass, the text carries one ([where](web.md#the-survey-page)).

## Calls

A call counts once it is recorded, with its answers or with why there are none. Until then it is open; past its deadline
it is late and a gap, `not_called`, and past its `call_by` an [incident](on-call.md): that is the deadline, or a day
where it was over when the call was handed over. No later ticket is merged into it then. A question that left and did
not arrive counts no more: a person calls.

The list of calls holds names and numbers, so only its owner may read the file; its times are those of
`operator.timezone`. Fill in `outcome` (`answered`, `not_reached`, `refused`), the scores from 1 to 5 under `overall`,
`result`, `timeliness` and `attitude` (where `asks` says `effort`, only that, from 1 to 7), `solved` (yes or no),
`comment`, `channel` (`phone` or `paper`), `by` and `called_at`; rows without an outcome and a score are passed over.
Beside `not_reached` and `refused` the comment is the reason: it is kept with the call and counts as no customer's
words. `called_at` is when the call was made, `2027-01-31 18:00` on the operator's clock or with an offset, and the time
of the answer: made before the deadline the promise is kept, also where it is written down later. Empty means now.
The same file twice changes nothing; corrected scores replace the earlier ones. A bad score, or "not solved", opens a
case.
"""


def markdown_page() -> str:
    """Return the page: the diagram of every legal move, each state in plain words, and the rules around them."""
    arrows = [f"    {source} --> {target}" for source in S for target in S if target in NEXT_STATE[source]]
    rows = [f"| `{state}` | {_WORDS[state]} |" for state in S]
    table = ["```", "", "| state | means |", "|---|---|", *rows]
    return _BEFORE + "\n".join([*arrows, *table]) + "\n\n" + _AFTER
