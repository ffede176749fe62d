"""Start the simulator: `python -m care.simulators.twilio --account-sid AC… --auth-token …`."""

import argparse
import asyncio
import importlib
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from care.base.clock import SystemClock
from care.simulators.twilio.faults import Script, ScriptError
from care.simulators.twilio.host import Host
from care.simulators.twilio.model import Settings
from care.simulators.twilio.process import second_log
from care.simulators.twilio.script_reader import read_script
from care.simulators.twilio.server import Server
from care.simulators.twilio.store import AcceptLog


def main() -> None:
    """Serve until told to stop; prints one JSON line with the URL when ready."""
    given = _arguments()
    try:
        script = _script(given.script, given.seed)
        log = AcceptLog(None if given.accept_log == "none" else Path(given.accept_log))
    except (ScriptError, OSError) as error:
        sys.stderr.write(f"twilio simulator: {error}\n")
        sys.exit(2)
    try:
        runner = importlib.import_module("uvloop").run
    except ModuleNotFoundError:
        runner = asyncio.run
    servers = [Server(_settings(given), SystemClock(), script, log), *_second(given)]
    serving = _serve(Host(servers), port=given.port, until_stdin_closes=given.until_stdin_closes)
    try:
        runner(serving)
    except OSError as error:
        sys.stderr.write(f"twilio simulator: port {given.port} cannot be used: {error.strerror}\n")
        sys.exit(2)


async def _serve(host: Host, *, port: int, until_stdin_closes: bool) -> None:
    runner = web.ServerRunner(web.Server(host.handle, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024, shutdown_timeout=0.1)
    await site.start()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}) + "\n")
    sys.stdout.flush()
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end, stopped)
    await stopped.wait()
    await host.close()
    await runner.cleanup()


def _second(given: argparse.Namespace) -> list[Server]:
    """Return the second account, where one is asked for: well at first, with a log and senders of its own."""
    if not given.second_account:
        return []
    sid, _, token = given.second_account.partition(":")
    settings = replace(
        _settings(given), account_sid=sid, auth_token=token, senders=frozenset(given.second_sender), services={}
    )
    log = AcceptLog(None if given.accept_log == "none" else second_log(Path(given.accept_log)))
    return [Server(settings, SystemClock(), Script(seed=given.seed), log)]


def _stop_at_end(stopped: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        stopped.set()


def _script(text: str | None, seed: int) -> Script:
    """Read a script from a file, or from JSON given directly."""
    if text is None:
        return Script(seed=seed)
    return read_script(text if text.lstrip().startswith("{") else Path(text).read_text("utf-8"), seed=seed)


def _settings(given: argparse.Namespace) -> Settings:
    return Settings(
        account_sid=given.account_sid,
        auth_token=given.auth_token,
        callbacks=given.callbacks == "on",
        callback_delay=given.callback_delay,
        status_callback=given.status_callback,
        inbound_url=given.inbound_url,
        advanced_opt_out=given.advanced_opt_out,
        senders=frozenset(given.sender),
        services=dict(each.split("=", 1) for each in given.service),
        closed_prefixes=tuple(given.closed),
        parts_per_second=given.mps,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m care.simulators.twilio", description=__doc__)
    add = parser.add_argument
    add("--account-sid", required=True, help="AC and 32 hexadecimal digits")
    add("--auth-token", required=True)
    add("--port", type=int, default=0, help="on 127.0.0.1; 0: any free one")
    add("--seed", type=int, default=0, help="of the script's random numbers")
    add("--accept-log", default="none", metavar="FILE", help="append a JSON line per message accepted; none: do not")
    add("--script", metavar="FILE|JSON", help="faults")
    add("--callbacks", choices=("on", "off"), default="on")
    add("--callback-delay", type=float, default=0.05, metavar="SECONDS", help="between two statuses")
    add("--status-callback", metavar="URL", help="of the Messaging Services")
    add("--inbound-url", metavar="URL", help="where messages from customers are posted")
    add("--advanced-opt-out", action="store_true", help="add OptOutType to inbound keywords")
    add("--sender", action="append", default=[], metavar="NUMBER", help="a number of this account (repeatable)")
    add("--service", action="append", default=[], metavar="MG…=NUMBER", help="a Messaging Service and its number")
    add("--closed", action="append", default=[], metavar="+PREFIX", help="a region that may not be written to")
    add("--mps", type=float, metavar="PARTS", help="parts per second and sender")
    add("--second-account", metavar="AC…:TOKEN", help="another account, told apart by its SID")
    add("--second-sender", action="append", default=[], metavar="NUMBER", help="a number of the second account")
    add("--until-stdin-closes", action="store_true", help="stop with the process that started it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
