"""Hold the simulator against Twilio's own OpenAPI file, by hand: see docs/decisions/0020-twilio-simulator.md.

    python -m tests.simulators.twilio.against_spec SPEC.json PRISM

starts the simulator and, in front of it, the validating proxy `prism`; sends every kind of request through the
official SDK and prints one line each. Exit 1 if an answer or a request of ours breaks the contract.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from care.base.clock import SystemClock
from care.simulators.twilio.process import TwilioSimulator, start_twilio_simulator

SENDER, SERVICE, CUSTOMER = "+15005550006", "MG" + "a" * 32, "+8613800138000"
EVERY_PARAMETER = {
    "status_callback": "https://care.example.com/webhooks/twilio/status/token#rc=3&rp=all",
    "validity_period": 3600,
    "provide_feedback": False,
    "smart_encoded": True,
    "shorten_urls": False,
    "force_delivery": False,
    "risk_check": "disable",
    "attempt": 1,
    "content_retention": "retain",
    "address_retention": "retain",
}


@contextmanager
def prism(command: str, spec: str, upstream: str) -> Iterator[str]:
    """Run the proxy in front of `upstream` and give its URL; contract errors become HTTP 422 and 500."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["proxy", "--errors", "-v", "error", "-h", "127.0.0.1", "-p", str(port), spec, upstream]
    process = subprocess.Popen([command, *arguments], stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                HTTPConnection("127.0.0.1", port, timeout=1).connect()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


class Round:
    """Sends requests and remembers which ones broke the contract."""

    def __init__(self, client: Client, simulator: TwilioSimulator) -> None:
        self.client, self.simulator = client, simulator
        self.broken = self.sent = 0

    def expect(self, what: str, call: Callable[[], object], code: int | None = None) -> None:
        """Report one call; `code` is the refusal it must meet, Twilio's own or 422 from the proxy."""
        try:
            call()
            met: object = None
        except TwilioRestException as error:
            met = error.code or error.status
        except TwilioException as error:
            met = 422 if "UNPROCESSABLE" in str(error) else str(error)[:120]
        self.sent += 1
        self.broken += met != code
        sys.stdout.write(f"{'ok ' if met == code else 'BAD'} {what}: {met or 'passes'}\n")

    def create(self) -> None:
        """Everything our own code may ask for, and what must be refused."""
        create, soon = self.client.messages.create, SystemClock().now() + timedelta(hours=1)
        text = {"to": CUSTOMER, "from_": SENDER, "body": "祝您生日快乐 ☺"}
        service = {"to": CUSTOMER, "messaging_service_sid": SERVICE, "body": "hi"}
        content = {"content_sid": "HX" + "b" * 32, "content_variables": '{"1": "a"}'}
        self.expect("create from a number", lambda: create(**text))
        self.expect("create with every parameter", lambda: create(**service, **EVERY_PARAMETER))
        self.expect("create scheduled", lambda: create(**service, schedule_type="fixed", send_at=soon))
        self.expect("create from content", lambda: create(to=CUSTOMER, from_=SENDER, **content))
        self.expect("create to one who opted out", lambda: create(**text | {"to": "+8613805521610"}), 21610)
        self.expect("create too fast", lambda: create(**text | {"to": "+8613805500429"}), 20429)
        self.expect("create without To", lambda: create(**text | {"to": ""}), 21604)
        for name, value in (
            ("messaging_service_sid", "MGx"),
            ("validity_period", "soon"),
            ("status_callback", "not a url"),
        ):
            self.expect(f"create with a bad {name}", lambda n=name, v=value: create(**text, **{n: v}), 422)

    def read(self) -> None:
        """Fetch messages in every status, lists, media, account and balance."""
        messages, now = self.client.messages, SystemClock().now()
        for to in (CUSTOMER, "+12025530003", "+12025530001", "+12025500000"):
            message = messages.create(to=to, messaging_service_sid=SERVICE, body="hi")
            self.expect(f"fetch early {to}", message.fetch)
            self.expect(f"delete early {to}", message.delete, 20009)
            self.simulator.wait_until_settled()
            self.expect(f"fetch late {to}", message.fetch)
        self.simulator.configure(inbound_url="http://127.0.0.1:9/nobody")
        self.simulator.reply(CUSTOMER, SENDER, "满意")
        day = timedelta(days=1)
        self.expect("list", messages.list)
        self.expect("list by pages", lambda: messages.list(page_size=2))
        self.expect("list by recipient", lambda: messages.list(to=CUSTOMER, from_=SENDER))
        self.expect("list by days", lambda: messages.list(date_sent_after=now - day, date_sent_before=now + day))
        self.expect("list of a day", lambda: messages.list(date_sent=now))
        self.expect("list in pages too large", lambda: messages.page(page_size=2000), 422)
        self.expect("media", messages(message.sid).media.list)
        self.expect("fetch what is not there", messages("SM" + "0" * 32).fetch, 20404)
        self.expect("account", self.client.api.accounts(self.simulator.account_sid).fetch)
        self.expect("balance", self.client.balance.fetch)

    def change(self) -> None:
        """Cancel, redact and delete."""
        messages, soon = self.client.messages, SystemClock().now() + timedelta(hours=1)
        planned = messages.create(
            to=CUSTOMER, messaging_service_sid=SERVICE, body="hi", schedule_type="fixed", send_at=soon
        )
        self.expect("cancel", lambda: planned.update(status="canceled"))
        self.expect("cancel again", lambda: planned.update(status="canceled"), 30409)
        self.expect("redact", lambda: planned.update(body=""))
        self.expect("delete", planned.delete)


def main(spec: str, command: str) -> int:
    """Run every request; return how many broke the contract."""
    with start_twilio_simulator(callback_delay=0.05) as simulator, prism(command, spec, simulator.url) as url:
        client = Client(simulator.account_sid, simulator.auth_token, environment={"_": ""})
        client.api.base_url = url
        requests = Round(client, simulator)
        requests.create()
        requests.read()
        requests.change()
    sys.stdout.write(f"{requests.sent} requests, {requests.broken} against the contract\n")
    return requests.broken


if __name__ == "__main__":
    sys.exit(bool(main(*sys.argv[1:])))
