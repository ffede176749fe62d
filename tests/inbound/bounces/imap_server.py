"""A small IMAP server on the loopback address, with faults on demand."""

import base64
import re
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any, Self

from tests.contracts.mail_server import TLS

USER, PASSWORD = "bounces", "secret word"


@dataclass
class Box:
    """A folder: mails and flags by UID."""

    mails: dict[int, bytes] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)

    def add(self, raw: bytes) -> int:
        uid = max(self.mails, default=0) + 1
        self.mails[uid], self.flags[uid] = raw, set()
        return uid

    def remove(self, uid: int) -> bytes:
        del self.flags[uid]
        return self.mails.pop(uid)

    @property
    def unread(self) -> list[int]:
        return [uid for uid, flags in self.flags.items() if r"\Seen" not in flags]


class ImapServer:
    """Serves `inbox` and `done`; `cut_at` names a command at which the connection drops once.

    `anew_before` names one before which the inbox is restored from a backup, with a new UIDVALIDITY.
    """

    def __init__(self, *, capabilities: str = "MOVE UIDPLUS", tls: bool = False, password: str = PASSWORD) -> None:
        self.inbox, self.done, self.password = Box(), Box(), password
        self.capabilities, self.cut_at, self.commands = capabilities, "", list[str]()
        self.folders, self.validity, self.anew_before = {"INBOX", "Taken mails"}, 1, ""
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.imap = self
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / "localhost.pem")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def make_anew(self) -> None:
        """Give every mail another UID, in the other order, as unread as it is."""
        old, self.inbox = self.inbox, Box()
        for uid in sorted(old.mails, reverse=True):
            self.inbox.flags[self.inbox.add(old.mails[uid])] |= old.flags[uid]
        self.validity += 1

    def is_cut(self, command: str) -> bool:
        self.commands.append(command)
        if self.cut_at and command.startswith(self.cut_at):
            self.cut_at = ""
            return True
        return False


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    imap: ImapServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that refuses our certificate is part of a test."""


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self._say("* OK ready")
        for raw in self.rfile:
            tag, _, rest = raw.decode().strip().partition(" ")
            command = rest.removeprefix("UID ")
            if self.server.imap.is_cut(command):
                return
            if self.server.imap.anew_before and command.startswith(self.server.imap.anew_before):
                self.server.imap.anew_before = ""
                self.server.imap.make_anew()
                self._say(f"* OK [UIDVALIDITY {self.server.imap.validity}] the folder was made anew")
            word = command.partition(" ")[0].upper()
            answer = getattr(self, f"_{word.lower()}", lambda _: "BAD what?")(command)
            self._say(f"{tag} {answer}.")
            if word == "LOGOUT":
                return

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def _capability(self, _: str) -> str:
        self._say(f"* CAPABILITY IMAP4rev1 {self.server.imap.capabilities}")
        return "OK done"

    def _login(self, command: str) -> str:
        return "OK done" if command == f'LOGIN {USER} "{self.server.imap.password}"' else "NO wrong"

    def _authenticate(self, command: str) -> str:
        assert command == "AUTHENTICATE PLAIN", command
        self._say("+ ")
        given = base64.b64decode(self.rfile.readline())
        return "OK done" if given == f"\0{USER}\0{self.server.imap.password}".encode() else "NO wrong"

    def _select(self, command: str) -> str:
        if "INBOX" not in command:
            return "NO such folder"
        self._say(f"* {len(self.server.imap.inbox.mails)} EXISTS")
        self._say(f"* OK [UIDVALIDITY {self.server.imap.validity}] valid")
        return "OK [READ-WRITE]"

    def _search(self, _: str) -> str:
        self._say(" ".join(["* SEARCH", *map(str, self.server.imap.inbox.unread)]))
        return "OK done"

    def _fetch(self, command: str) -> str:
        found = re.fullmatch(r"FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command)
        assert found, command
        raw = self.server.imap.inbox.mails.get(int(found[1]), b"")[: int(found[2])]
        if raw:
            self.wfile.write(f"* 1 FETCH (UID {found[1]} BODY[]<0> {{{len(raw)}}}\r\n".encode() + raw + b")\r\n")
        return "OK done"

    def _store(self, command: str) -> str:
        _, uids, _, flag = command.split(" ")
        for uid in uids.split(","):
            change = set.discard if " -FLAGS" in command else set.add
            change(self.server.imap.inbox.flags[int(uid)], flag.strip("()"))
        return "OK done"

    def _status(self, command: str) -> str:
        name = command.split('"')[1]
        if name not in self.server.imap.folders:
            return "NO [NONEXISTENT] such folder"
        self._say(f'* STATUS "{name}" (UIDVALIDITY 1)')
        return "OK done"

    def _noop(self, _: str) -> str:
        return "OK done"

    def _copy(self, command: str) -> str:
        if command.split('"')[1] not in self.server.imap.folders:
            return "NO [TRYCREATE] such folder"
        for uid in command.split(" ")[1].split(","):
            self.server.imap.done.add(self.server.imap.inbox.mails[int(uid)])
        return "OK done"

    def _move(self, command: str) -> str:
        if command.split('"')[1] not in self.server.imap.folders:
            return "NO [TRYCREATE] such folder"
        for uid in command.split(" ")[1].split(","):
            self.server.imap.done.add(self.server.imap.inbox.remove(int(uid)))
        return "OK done"

    def _expunge(self, command: str) -> str:
        for uid in command.split(" ")[1].split(","):
            self.server.imap.inbox.remove(int(uid))
        return "OK done"

    def _logout(self, _: str) -> str:
        self._say("* BYE")
        return "OK done"
