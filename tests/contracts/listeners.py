"""What stands on the other side of an adapter beside the provider: who hears its callbacks, and who answers in its place."""

import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote

HALF = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"sid": "SM'
NO_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 12\r\n\r\n<p>502</p>\r\n"
RESET = struct.pack("ii", 1, 0)


class Listener:
    """Takes callbacks and keeps the token in the address of each; `with` stops it."""

    def __init__(self) -> None:
        """Listen on a free loopback port."""
        paths = self._paths = list[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                paths.append(self.path)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def tokens(self) -> list[str]:
        """Return the token of each callback that came."""
        return [unquote(path.rpartition("/")[2]) for path in self._paths]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class OneAnswer:
    """An HTTP server that reads each request and gives the same answer, whole, or resets the connection in its midst."""

    def __init__(self, answer: bytes, *, is_torn: bool = False) -> None:
        """Listen on a free loopback port."""
        self._answer, self._is_torn = answer, is_torn
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(self._answer)
                if self._is_torn:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()
