"""The server: loopback only, quick, and gone when the block ends."""

# ruff: noqa: E402 (what needs a tool is imported once the tool is known to be there)

from __future__ import annotations

import http.client
import socket
import threading
from urllib.parse import urlsplit

import pytest

from tests.conftest import required

required("openapi_core")

from bot.localhub import LocalHub
from bot.localhub.server import _Connection


def test_it_listens_on_the_loopback_alone(hub):
    assert hub.url.startswith("http://127.0.0.1:")
    port = urlsplit(hub.url).port
    assert hub._server._listener.server_address == ("127.0.0.1", port)


def test_small_answers_do_not_wait_for_acknowledgements():
    assert _Connection.disable_nagle_algorithm
    assert _Connection.wbufsize != 0


def test_a_connection_is_kept_open_between_requests(hub, course):
    connection = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=30)
    for _ in range(3):
        connection.request("GET", "/repos/acme/course")
        assert connection.getresponse().read()
        kept = connection.sock
        assert kept is not None
    connection.request("GET", "/repos/acme/course")
    assert connection.getresponse().read()
    assert connection.sock is kept
    connection.close()


def test_an_answer_to_head_has_no_body(hub):
    with socket.create_connection(("127.0.0.1", urlsplit(hub.url).port), timeout=30) as connection:
        connection.sendall(b"HEAD /user HTTP/1.1\r\nConnection: close\r\n\r\n")
        with connection.makefile("rb") as stream:
            answer = stream.read()
    assert answer.startswith(b"HTTP/1.1 501 ")
    assert answer.endswith(b"\r\n\r\n")


def test_it_stops_although_a_client_holds_its_connection():
    before = threading.active_count()
    with LocalHub() as hub:
        held = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=30)
        held.request("GET", "/rate_limit")
        assert held.getresponse().read()
        assert threading.active_count() == before + 2
    assert threading.active_count() == before
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", urlsplit(hub.url).port), timeout=30)
    held.close()


def test_a_client_that_hangs_up_is_no_violation(hub, course):
    port = urlsplit(hub.url).port
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(b"POST /rate_limit HTTP/1.1\r\nContent-Length: 99\r\n\r\nnot all")
    # the next request shows that the hub goes on
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/repos/acme/course")
    assert connection.getresponse().status == 200
    connection.close()
    assert not any("itself failed" in each for each in hub.violations)
