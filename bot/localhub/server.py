"""HTTP on the loopback: bytes in, bytes out, one thread a connection."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from bot.localhub.answers import Message

if TYPE_CHECKING:
    from bot.localhub.hub import LocalHub


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without these two, headers and body go out as two packets, and the second waits 40 ms for
    # the acknowledgement of the first.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Listener

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        message = self.server.hub.answer(self.command, self.path, Message(headers, body))
        if message is None:
            self.close_connection = True
            return
        self.send_response(message.status)
        for name, value in message.headers.items():
            self.send_header(name, value)
        if message.status not in (204, 304):
            self.send_header("Content-Length", str(len(message.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(message.body)

    # Methods that no route has, too: what a client should not ask is to be recorded.
    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: `hub.requests` is the log."""


class _Listener(ThreadingHTTPServer):
    # Waited for when the server stops, which first ends what they wait for.
    daemon_threads = False

    def __init__(self, hub: LocalHub) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.hub = hub
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Note an error of the hub's own; a client that hung up is none."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            self.hub.violations.append(f"the hub itself failed: {traceback.format_exc()}")

    def end_connections(self) -> None:
        for connection in list(self._open):
            # The client may have ended it in this very moment.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Server:
    """Serves a hub from `start` to `stop`, on a port of its own."""

    def __init__(self, hub: LocalHub) -> None:
        self._listener = _Listener(hub)
        self.port: int = self._listener.server_address[1]
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, end the connections that clients keep open, wait for every thread."""
        self._listener.shutdown()
        self._listener.end_connections()
        self._listener.server_close()
        self._thread.join()
