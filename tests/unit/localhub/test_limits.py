"""The limits: who is refused, for how long, with which headers, and what counts."""

from __future__ import annotations

import pytest

pytest.importorskip("openapi_core")

from bot.localhub.limits import AN_HOUR

COMMENTS = "/repos/acme/course/issues/1/comments"
COURSE = "/repos/acme/course"
NOW = 2_000_000_000


@pytest.fixture
def clock(hub):
    """A clock that a test turns on by hand."""
    times = [float(NOW)]
    hub.limits.clock = lambda: times[0]

    def later(seconds):
        times[0] += seconds

    return later


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("kind", "retry_after", "headers"),
    [
        ("secondary", True, {"retry-after": "30", "x-ratelimit-remaining": "5000"}),
        ("secondary", False, {"x-ratelimit-remaining": "5000"}),
        ("primary", True, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW + 30)}),
    ],
)
def test_a_limit_lasts_and_says_how_long(hub, client, clock, kind, retry_after, headers, status):
    hub.rate_limit(30, kind, retry_after=retry_after, status=status, method="POST")
    assert client.send("GET", COURSE).status == 200, "it begins with the first POST"
    hub.limits.hourly = 5002
    refused = client.send("POST", COMMENTS, {"body": "x"})
    assert refused.status == status
    assert refused.headers.items() >= headers.items()
    assert ("retry-after" in refused.headers) == ("retry-after" in headers)
    words = "API rate limit exceeded" if kind == "primary" else "secondary rate limit"
    assert words in refused.json["message"]
    clock(30)
    assert client.send("POST", COMMENTS, {"body": "x"}).status == 201
    assert (hub.pressed, hub.violations) == ([], [])


def test_while_it_lasts_everything_is_refused_and_noted(hub, course, client, clock):
    hub.rate_limit(30)
    assert client.send("GET", COURSE).status == 403
    clock(29)
    again = client.send("POST", COMMENTS, {"body": "x"})
    assert (again.status, again.headers["retry-after"]) == (403, "1")
    assert hub.pressed == [f"POST {COMMENTS}"]
    assert course.comments(1) == []


def test_an_hour_has_so_many_requests(hub, client, clock):
    hub.limits.hourly = 2
    assert [client.send("GET", COURSE).status for _ in range(3)] == [200, 200, 403]
    refused = client.send("GET", COURSE)
    assert refused.headers["x-ratelimit-reset"] == str(NOW + AN_HOUR)
    clock(AN_HOUR)
    assert client.send("GET", COURSE).headers["x-ratelimit-remaining"] == "1"


def test_what_the_client_has_already_counts_nothing(hub, client, clock):
    first = client.send("GET", COURSE)
    again = client.send("GET", COURSE, If_None_Match=first.headers["etag"])
    assert (first.headers["x-ratelimit-used"], again.status) == ("1", 304)
    assert again.headers["x-ratelimit-used"] == "1"
    assert client.send("GET", "/rate_limit").json["rate"]["remaining"] == 4999
