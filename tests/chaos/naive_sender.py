"""Two senders as they are often written, to show what they cost: `python -m tests.chaos.naive_sender FILE URL ORDER`.

`send-write` hands a message over and then notes that it did; `write-send` notes it first. Both are killed like ours.
"""

import base64
import http.client
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

AT_ONCE = 4
PAGE = 16


class Sender:
    """Takes what is planned page by page, and has a few calls open at a time."""

    def __init__(self, file: str, url: str, account: str) -> None:
        self._file, self._url, self._account = file, url, account
        self._base = sqlite3.connect(file, isolation_level=None, timeout=10)

    def run(self, *, writes_first: bool) -> None:
        """Work until nothing is planned."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            while numbers := self._next():
                if writes_first:
                    self._write(numbers)
                list(threads.map(self._send, numbers))
                if not writes_first:
                    self._write(numbers)

    def _next(self) -> list[str]:
        planned = "SELECT number FROM told WHERE status = 'planned' LIMIT ?"
        return [row[0] for row in self._base.execute(planned, [PAGE])]

    def _write(self, numbers: list[str]) -> None:
        self._base.execute("BEGIN IMMEDIATE")
        self._base.executemany("UPDATE told SET status = 'sent' WHERE number = ?", [[number] for number in numbers])
        self._base.execute("COMMIT")

    def _send(self, number: str) -> None:
        account = self._account.split(":")[0]
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=20)
        headers = {
            "Authorization": f"Basic {base64.b64encode(self._account.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        form = urlencode({"To": number, "From": "+8610690000001", "Body": "您好"})
        connection.request("POST", f"/2010-04-01/Accounts/{account}/Messages.json", form, headers)
        connection.getresponse().read()
        connection.close()


if __name__ == "__main__":
    Sender(*sys.argv[1:4]).run(writes_first=sys.argv[4] == "write-send")
