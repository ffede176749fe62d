"""A stand-in for Twilio's Messages API that runs as its own process on the loopback address.

It accepts, refuses, reports and forgets like Twilio, and fails on demand:

    python -m care.simulators.twilio --account-sid AC… --auth-token … [--script FILE|JSON]

prints `{"url": …}` when it is ready. `process.start_twilio_simulator()` does that for tests and benchmarks.

Reserved numbers (no other number behaves in a special way):

- Twilio's own test numbers. To: +15005550001 invalid (21211), …0002 not reachable (21612), …0003 region closed
  (21408), …0004 opted out (21610), …0009 no mobile (21614). From: +15005550001 invalid (21212), …0007 not owned
  (21606), …0008 queue full (21611). +15005550006 works and is what a Messaging Service sends from by default.
- A recipient ending in 55 and a five-digit code meets that code. A code of a request (21610: +12025521610) is
  answered by the API; a code of a delivery (30003: +12025530003, +8613805530003) lets the message be accepted
  and then become `failed` or `undelivered` with that code. `catalogue` lists the codes.
- A recipient ending in 5500000 is never confirmed: its messages stay `sent`.
- Creates to a recipient ending in 5500429 are answered 429, in 5500503 with 503 and not accepted, in 5500504
  with 503 although accepted, in 5500408 cut off after accepting, in 5500409 cut off before.

Faults of a script, as `create` (a list used up one by one) or `create_rates` (probabilities):
`429`, `500`, `503`, `cut`: not accepted; `500-after`, `503-after`, `lost-reply`: accepted, yet the caller is told
otherwise or nothing; `hang`: silence for `hang_seconds`, then cut off, not accepted; `slow-reply`: accepted at
once, answered after `hang_seconds`; `late`: accepted and answered after `hang_seconds`, even if nobody waits any
more; a refusal's code: 400. `outcomes` and `outcome_rates` set codes of deliveries the same way. `callbacks` has
`lose`, `duplicate`, `shuffle` (probabilities) and `delay_seconds` ([from, to]; what waits is sent when another
script comes). `max_in_flight` answers 429 to more requests at a time. `seed` makes all of it repeatable;
`GET /_sim/report` tells what happened.
"""
