"""The standard library's SMTP client as a worker: python worker_smtplib.py PORT MAIL_FILE CONNECTIONS.

Sends one ready mail to many recipients over connections that are kept, a thread each.
"""

import smtplib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.crew import serve


def main() -> None:
    """Send as many as each word says."""
    port, mail, number = int(sys.argv[1]), Path(sys.argv[2]).read_bytes(), int(sys.argv[3])
    servers = [smtplib.SMTP("127.0.0.1", port) for _ in range(number)]

    def send(server: smtplib.SMTP, count: int) -> int:
        for each in range(count):
            server.sendmail("care@example.com", [f"c{each:08d}@example.com"], mail)
        return count

    def work(count: int) -> int:
        shares = [count // number + (place < count % number) for place in range(number)]
        return sum(threads.map(send, servers, shares))

    with ThreadPoolExecutor(number) as threads:
        serve(work)
    for server in servers:
        server.quit()


if __name__ == "__main__":
    main()
