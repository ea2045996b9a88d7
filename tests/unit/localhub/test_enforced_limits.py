"""GitHub's limits of content, points and invitations, by a clock that the test turns."""

from __future__ import annotations

import pytest

pytest.importorskip("openapi_core")

from bot.localhub import LocalHub
from tests.unit.localhub.conftest import Client

COURSE = "/repos/acme/course"
SECONDARY = "secondary rate limit"


@pytest.fixture
def clock():
    return [2_000_000_000.0]


@pytest.fixture
def hub(clock):
    with LocalHub(clock=lambda: clock[0], checked=False) as hub:
        hub.organisation("acme").add("teacher", "admin")
        hub.repository("acme/course")
        yield hub


@pytest.fixture
def client(hub):
    return Client(hub, hub.token({"administration": "write"}, login="course[bot]"))


def write(client):
    return client.send("PATCH", COURSE, {"description": "x"})


def test_content_is_written_so_often_a_minute(hub, client, clock):
    hub.limits.enforce(writes_a_minute=3, status=429)
    statuses = []
    for _ in range(4):
        refused = write(client)
        statuses.append(refused.status)
        clock[0] += 10
    assert statuses == [200, 200, 200, 429]
    assert (refused.headers["retry-after"], len(hub.writes)) == ("30", 3)
    assert SECONDARY in refused.json["message"]
    assert hub.limits.broken == [f"3 content writes a minute: PATCH {COURSE}"]
    assert client.send("GET", COURSE).status == 429, "reading is refused too, while it lasts"
    assert hub.pressed == [f"GET {COURSE}"]
    clock[0] += 20
    assert write(client).status == 200
    assert write(client).status == 429, "only one of the three was a minute ago"


def test_content_is_written_so_often_an_hour(hub, client, clock):
    hub.limits.enforce(writes_an_hour=5)
    for _ in range(5):
        assert write(client).status == 200
        clock[0] += 100
    refused = write(client)
    assert (refused.status, refused.headers["retry-after"]) == (403, "3100")
    assert hub.limits.broken == [f"5 content writes an hour: PATCH {COURSE}"]


def test_a_write_costs_five_points(hub, client, clock):
    hub.limits.enforce(points_a_minute=8)
    assert write(client).status == 200
    assert [client.send("GET", COURSE).status for _ in range(4)] == [200, 200, 200, 403]
    assert hub.limits.broken == [f"8 points a minute: GET {COURSE}"]
    clock[0] += 60
    assert write(client).status == 200


def test_tokens_are_no_content(hub, client):
    hub.limits.enforce(writes_a_minute=1)
    for _ in range(3):
        assert client.send("POST", "/app/installations/1/access_tokens", {}).status == 401
    assert hub.limits.broken == []


def test_invitations_are_counted_by_the_day(hub, client, clock):
    hub.limits.enforce(invitations_a_day=2)
    invited = [client.send("PUT", f"{COURSE}/collaborators/{name}") for name in ("a", "b", "b")]
    assert [each.status for each in invited] == [201, 201, 201], "the same one twice is one"
    refused = client.send("PUT", f"{COURSE}/collaborators/c")
    assert refused.status == 422
    assert hub.limits.broken == ["2 invitations a day"]
    assert client.send("PUT", f"{COURSE}/collaborators/teacher").status == 204
    clock[0] += 86_400
    assert client.send("PUT", f"{COURSE}/collaborators/c").status == 201
    assert hub.limits.may_invite()


def test_an_hours_requests_are_noted_too(hub, client, clock):
    hub.limits.hourly = 1
    assert [client.send("GET", COURSE).status for _ in range(3)] == [200, 403, 403]
    assert hub.limits.broken == [f"1 requests an hour: GET {COURSE}"]
    assert hub.pressed == [f"GET {COURSE}"]
    clock[0] += 3600
    assert client.send("GET", COURSE).status == 200


def test_the_clock_is_what_the_hub_writes(hub, client):
    hub.repository("acme/course").push("main", "a" * 40)
    assert client.send("GET", COURSE).json["pushed_at"] == "2033-05-18T03:33:20Z"
    later = LocalHub()
    later.clock = lambda: 0.0
    assert (later.state.now(), later.limits.clock()) == ("1970-01-01T00:00:00Z", 0.0)
    with later:
        pass


def test_an_unchecked_hub_asks_the_description_nothing(hub, client):
    assert client.send("PATCH", COURSE, {"description": 5}).status == 200
    assert hub.violations == []
