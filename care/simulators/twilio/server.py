"""The HTTP face of one account: Twilio's Messages API and, under `/_sim/`, the strings a test pulls."""

import asyncio
import base64
from typing import Final

from aiohttp import web

from care.base.clock import Clock
from care.simulators.twilio import answers, listing
from care.simulators.twilio.accounts import Account
from care.simulators.twilio.catalogue import REFUSALS, Refusal
from care.simulators.twilio.control import Control
from care.simulators.twilio.faults import Script
from care.simulators.twilio.forms import read_form
from care.simulators.twilio.model import Settings
from care.simulators.twilio.store import AcceptLog

_JSON: Final = "application/json"
_BEFORE: Final = {"429": 20429, "500": 20500, "503": 20503}  #: answered before anything is accepted
_AFTER: Final = {"500-after": 20500, "503-after": 20503}  #: answered although the message was accepted


class Server:
    """Answers requests for one account."""

    def __init__(self, settings: Settings, clock: Clock, script: Script, log: AcceptLog) -> None:
        """Serve `settings.account_sid` alone; other accounts are not authenticated."""
        self.account_sid = settings.account_sid
        self._account = Account(settings, clock, script, log)
        self._control = Control(self._account)
        root = f"/2010-04-01/Accounts/{settings.account_sid}"
        self._root, self._messages = root, f"{root}/Messages.json"
        token = f"{settings.account_sid}:{settings.auth_token}".encode()
        self._authorization = f"Basic {base64.b64encode(token).decode()}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        account = self._account
        account.in_flight += 1
        try:
            if request.headers.get("Authorization") != self._authorization:
                return self._refused(REFUSALS[20003])
            if path == self._messages and request.method == "POST":
                return await self._create(request)
            return await self._other(request, path, query)
        finally:
            account.in_flight -= 1

    async def steer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answer one request under `/_sim/`."""
        return await self._control.handle(request, path)

    async def close(self) -> None:
        """Stop the callbacks."""
        await self._account.close()

    async def _create(self, request: web.BaseRequest) -> web.StreamResponse:
        account = self._account
        account.requests += 1
        number = account.requests
        form = read_form(await request.read())
        fault = account.fault_of(number, form.get("To", ""))
        if fault == "ok":
            return self._accept(form, number, fault)
        return await self._create_with_fault(request, form, number, fault)

    def _accept(self, form: dict[str, str], number: int, fault: str) -> web.Response:
        made = self._account.create(form, number, fault)
        if isinstance(made, Refusal):
            return self._refused(made)
        return self._answer(201, answers.message_json(made, self._account.settings.account_sid))

    async def _create_with_fault(
        self, request: web.BaseRequest, form: dict[str, str], number: int, fault: str
    ) -> web.StreamResponse:
        hang = self._account.faults.script.hang_seconds
        if fault in _BEFORE or fault.isdecimal():
            return self._refused(REFUSALS[_BEFORE.get(fault) or int(fault)])
        if fault in ("hang", "late"):
            await asyncio.sleep(hang)
        if fault in ("cut", "hang"):
            return _cut(request)
        answer = self._accept(form, number, fault)
        if answer.status != 201:  # noqa: PLR2004 - refused anyway
            return answer
        if fault == "lost-reply":
            return _cut(request)
        if fault == "slow-reply":
            await asyncio.sleep(hang)
        return self._refused(REFUSALS[_AFTER[fault]]) if fault in _AFTER else answer

    async def _other(self, request: web.BaseRequest, path: str, query: str) -> web.Response:
        account, sid = self._account, self._account.settings.account_sid
        if request.method == "GET" and path == self._messages:
            return self._answer(200, listing.page_json(account.store, sid, query))
        if request.method == "GET" and path == f"{self._root}.json":
            return self._answer(200, answers.account_json(sid, account.opened_at))
        if request.method == "GET" and path == f"{self._root}/Balance.json":
            return self._answer(200, answers.balance_json(sid, account.spent()))
        return await self._one(request, path)

    async def _one(self, request: web.BaseRequest, path: str) -> web.Response:
        """Answer for a single message: fetch, media, update, delete."""
        account, sid = self._account, self._account.settings.account_sid
        name = path.removeprefix(f"{self._root}/Messages/").removesuffix(".json")
        record = account.store.by_sid.get(name.removesuffix("/Media"))
        if record is None:
            return self._refused(REFUSALS[20404])
        if request.method == "GET" and name.endswith("/Media"):
            return self._answer(200, listing.no_media_json(path))
        if request.method == "GET":
            return self._answer(200, answers.message_json(record, sid))
        if request.method == "DELETE":
            refusal = account.delete(record)
            return self._refused(refusal) if refusal else self._answer(204, "")
        form = read_form(await request.read())
        refusal = account.update(record, form)
        return self._refused(refusal) if refusal else self._answer(200, answers.message_json(record, sid))

    def _refused(self, refusal: Refusal) -> web.Response:
        self._account.refused[refusal.code] += 1
        answer = self._answer(refusal.status, answers.refusal_json(refusal))
        if refusal.status == 401:  # noqa: PLR2004 - unauthorised
            answer.headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
        return answer

    def _answer(self, status: int, body: str) -> web.Response:
        headers = {
            "Twilio-Request-Id": self._account.store.new_sid("RQ"),
            "Twilio-Concurrent-Requests": str(self._account.in_flight),
            "Content-Type": "application/json;charset=utf-8",
        }
        return web.Response(body=body.encode(), status=status, headers=headers)


def _cut(request: web.BaseRequest) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()
