"""Check runs: made by apps alone, added to fifty at a time, listed by commit and name."""

from __future__ import annotations

import pytest

pytest.importorskip("openapi_core")

from tests.unit.localhub.conftest import HEAD, Client

RUNS = "/repos/acme/course/check-runs"
LISTED = f"/repos/acme/course/commits/{HEAD}/check-runs"


def annotations(count, **other):
    one = {"path": "a.py", "start_line": 3, "end_line": 3, "annotation_level": "failure"}
    return [{**one, "message": f"number {number}", **other} for number in range(count)]


def output(count, **other):
    return {"title": "t", "summary": "s", "annotations": annotations(count, **other)}


def create(client, count=0, **other):
    given = {"name": "tito", "head_sha": HEAD, "output": output(count), **other}
    return client.send("POST", RUNS, given)


def test_annotations_are_added_to_those_that_are_there(hub, client):
    made = create(client, 50, external_id="7", conclusion="neutral")
    assert (made.status, made.json["status"]) == (201, "completed")
    path = made.headers["location"].removeprefix(hub.url)
    for total in (100, 101):
        more = output(total - client.send("GET", path).json["output"]["annotations_count"])
        answer = client.send(
            "PATCH", path, {"output": {"summary": "s", **more}, "status": "queued"}
        )
        assert (answer.status, answer.json["output"]["annotations_count"]) == (200, total)
    pages = [
        client.send("GET", f"{path}/annotations?per_page=100&page={page}").json for page in (1, 2)
    ]
    assert [len(page) for page in pages] == [100, 1]
    assert (pages[0][0]["start_line"], pages[0][0]["start_column"]) == (3, None)
    assert answer.json["external_id"] == "7"
    assert hub.violations == []


def test_more_than_fifty_at_once_are_refused_and_recorded(hub, client):
    answer = create(client, 51)
    assert answer.status == 422
    assert any("is too long" in breach for breach in hub.violations)


@pytest.mark.parametrize(
    "other",
    [
        {"start_line": 0, "end_line": 0},
        {"start_line": 9},
        {"title": "x" * 256},
        {"message": "ü" * 32_769},
    ],
    ids=["line 0", "ends before it starts", "title", "message"],
)
def test_what_github_refuses_although_it_is_described(hub, course, client, other):
    answer = client.send(
        "POST", RUNS, {"name": "tito", "head_sha": HEAD, "output": output(1, **other)}
    )
    assert answer.status == 422
    assert course.check_runs == {}
    assert hub.violations == []


def test_a_commit_that_is_not_there_gets_none(hub, client):
    answer = client.send("POST", RUNS, {"name": "tito", "head_sha": "b" * 40})
    assert (answer.status, answer.json["message"]) == (422, f"No commit found for SHA: {'b' * 40}")
    assert client.send("GET", LISTED.replace(HEAD, "nothing")).status == 422
    for method, body in (("GET", None), ("PATCH", {"name": "x", "status": "queued"})):
        assert client.send(method, f"{RUNS}/9", body).status == 404
    assert hub.violations == []


def test_the_newest_of_a_name_is_listed_unless_all_are_asked_for(hub, client):
    create(client, external_id="old")
    create(client, external_id="new", status="in_progress")
    create(client, name="other")
    newest = client.send("GET", f"{LISTED}?check_name=tito").json
    assert [run["external_id"] for run in newest["check_runs"]] == ["new"]
    every = client.send("GET", f"{LISTED}?check_name=tito&filter=all").json
    assert [run["external_id"] for run in every["check_runs"]] == ["new", "old"]
    assert client.send("GET", f"{LISTED}?status=in_progress").json["total_count"] == 1
    assert client.send("GET", LISTED).json["total_count"] == 2
    assert hub.violations == []


def test_only_an_app_with_the_permission_makes_one(hub, course, client):
    owner = create(Client(hub, hub.token(login="acme")))
    assert (owner.status, owner.json["message"]) == (403, "You must authenticate via a GitHub App.")
    weak = create(Client(hub, hub.token({"checks": "read"}, repository=course)))
    assert weak.json["message"] == "Resource not accessible by integration"
    assert course.check_runs == {}
    assert hub.violations == []
