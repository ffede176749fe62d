"""`/_sim/`: change faults, let a customer reply, and read what happened."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from care.simulators.twilio.accounts import Account
from care.simulators.twilio.faults import Faults, ScriptError
from care.simulators.twilio.inbound import receive
from care.simulators.twilio.script_reader import read_script


class Control:
    """What tests and the demo may do beside the API; open to whoever reaches the port, so loopback only."""

    def __init__(self, account: Account) -> None:
        """Steer one account."""
        self._account = account
        self._routes: dict[tuple[str, str], Callable[[str], Awaitable[dict[str, Any]]]] = {
            ("GET", "/_sim/report"): self._report,
            ("POST", "/_sim/script"): self._script,
            ("POST", "/_sim/settings"): self._settings,
            ("POST", "/_sim/inbound"): self._inbound,
        }

    async def handle(self, request: web.BaseRequest, path: str) -> web.Response:
        """Answer one request under `/_sim/`."""
        answer = self._routes.get((request.method, path))
        if answer is None:
            return web.json_response({"error": f"nothing at {request.method} {path}"}, status=404)
        try:
            return web.json_response(await answer(await request.text()))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)

    async def _script(self, text: str) -> dict[str, Any]:
        self._account.faults = Faults(read_script(text))
        self._account.notifier.let_go()
        return {}

    async def _settings(self, text: str) -> dict[str, Any]:
        given = json.loads(text)
        known = {"inbound_url", "status_callback", "advanced_opt_out", "callback_delay", "parts_per_second"}
        for name, value in given.items():
            if name not in known:
                raise ScriptError(f"{name!r} is not a setting; known: {', '.join(sorted(known))}")
            setattr(self._account.settings, name, value)
        return {}

    async def _inbound(self, text: str) -> dict[str, Any]:
        given = json.loads(text)
        missing = {"from", "to", "body"} - given.keys()
        if missing:
            raise ScriptError(f"an inbound message needs {', '.join(sorted(missing))}")
        return await receive(self._account, sender=given["from"], to=given["to"], body=given["body"])

    async def _report(self, _: str) -> dict[str, Any]:
        account = self._account
        return {
            "requests": account.requests,
            "accepted": account.accepted,
            "refused": {str(code): count for code, count in account.refused.items()},
            "seed": account.faults.script.seed,
            "faults": dict(account.faults.drawn),
            "fault_log": account.faults.log,
            "unsettled": account.carrier.moving + account.notifier.on_their_way,
            "callbacks": dict(account.courier.counts),
        }
