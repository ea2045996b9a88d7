"""Pull requests that are opened, changed, closed, reopened and merged."""

from __future__ import annotations

import pytest

pytest.importorskip("openapi_core")

from tests.unit.localhub.conftest import HEAD, Client
from tito.errors import TitoError

PULLS = "/repos/acme/course/pulls"
GIVEN = {"title": "Feedback", "head": "main", "base": "feedback"}


@pytest.fixture
def course(hub):
    course = hub.repository("acme/course")
    course.push("feedback", "b" * 40)
    course.push("main", HEAD)
    return course


@pytest.fixture
def app(hub, course):
    return Client(hub, hub.token({"pull-requests": "write"}, login="course[bot]"))


@pytest.fixture(autouse=True)
def true_to_the_description(hub):
    yield
    assert hub.violations == []


def said(answer):
    assert answer.status == 422
    [error] = answer.json["errors"]
    return error.get("message") or f"{error['field']} {error['code']}"


def test_it_is_opened_once(app, course):
    made = app.send("POST", PULLS, {**GIVEN, "body": "Hello"})
    assert (made.status, made.json["body"], made.json["number"]) == (201, "Hello", 1)
    assert made.json["user"]["login"] == "course[bot]"
    again = app.send("POST", PULLS, GIVEN)
    assert said(again) == "A pull request already exists for acme:main."
    course.push("other", "c" * 40)
    assert app.send("POST", PULLS, {**GIVEN, "head": "acme:other"}).status == 201
    named = app.send("GET", f"{PULLS}?state=all&head=acme:main&base=feedback").json
    assert [each["number"] for each in named] == [1]
    course.pulls[1].close()
    assert app.send("POST", PULLS, GIVEN).status == 201


def test_what_cannot_be_opened(app, course):
    course.push("same", HEAD)
    refusals = {
        "No commits between main and same": {"head": "same", "base": "main"},
        "head invalid": {"head": "nowhere"},
        "base invalid": {"base": "nowhere"},
        "title missing_field": {"title": ""},
    }
    for message, change in refusals.items():
        assert said(app.send("POST", PULLS, {**GIVEN, **change})) == message
    assert course.pulls == {}


def test_it_is_changed_closed_and_opened_again(app, course):
    app.send("POST", PULLS, GIVEN)
    change = {"title": "New", "body": "Text", "state": "closed"}
    assert app.send("PATCH", f"{PULLS}/1", change).json.items() >= change.items()
    course.push("main", "d" * 40)
    assert course.pulls[1].head_sha == HEAD, "a closed one stays where it was"
    opened = app.send("PATCH", f"{PULLS}/1", {"state": "open"}).json
    assert (opened["state"], opened["closed_at"], opened["head"]["sha"]) == (
        "open",
        None,
        "d" * 40,
    )
    assert said(app.send("PATCH", f"{PULLS}/1", {"base": "nowhere"})) == "base invalid"
    assert app.send("PATCH", f"{PULLS}/1", {"base": "feedback"}).status == 200
    assert app.send("PATCH", f"{PULLS}/9", {"title": "x"}).status == 404


def test_what_is_merged_or_has_lost_its_branch_stays_closed(app, course):
    app.send("POST", PULLS, GIVEN)
    merged = course.pulls[1].merge()
    assert course.branches["feedback"] == merged == course.pulls[1].merge_commit
    assert app.send("GET", f"{PULLS}/1").json["merge_commit_sha"] == merged
    assert "merged" in said(app.send("PATCH", f"{PULLS}/1", {"state": "open"}))
    with pytest.raises(TitoError, match="closed"):
        course.pulls[1].merge()
    course.push("other", "c" * 40)
    app.send("POST", PULLS, {**GIVEN, "head": "other"})
    app.send("PATCH", f"{PULLS}/2", {"state": "closed"})
    course.remove("refs/heads/other")
    assert "deleted" in said(app.send("PATCH", f"{PULLS}/2", {"state": "open"}))


def test_a_user_changes_their_own(hub, course):
    ann, ben = (
        Client(hub, hub.token({"pull-requests": "write"}, login=login)) for login in ("ann", "ben")
    )
    assert ann.send("POST", PULLS, GIVEN).json["user"]["login"] == "ann"
    assert ann.send("PATCH", f"{PULLS}/1", {"title": "x"}).status == 200
    assert ben.send("PATCH", f"{PULLS}/1", {"title": "y"}).status == 403
    reader = Client(hub, hub.token({"pull-requests": "read"}, login="course[bot]"))
    assert reader.send("POST", PULLS, GIVEN).status == 403
