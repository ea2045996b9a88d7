"""Faults on request: which requests they meet, and what they leave behind."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("openapi_core")

COMMENTS = "/repos/acme/course/issues/1/comments"
COURSE = "/repos/acme/course"


def test_an_answer_is_dropped_where_it_was_asked_for(hub, course, client):
    hub.drop_response_after_write(2, method="POST", path="/comments")
    made = course.comment(1, "mine", "github-actions[bot]")
    path = f"/repos/acme/course/issues/comments/{made.id}"
    assert client.send("PATCH", path, {"body": "new"}).status == 200
    for _ in range(2):
        with pytest.raises(ConnectionError):
            client.send("POST", COMMENTS, {"body": "x"})
    assert client.send("POST", COMMENTS, {"body": "y"}).status == 201
    assert [comment.body for comment in course.comments(1)] == ["new", "x", "x", "y"]


def test_somebody_comes_in_between(hub, course, client):
    made = course.comment(1, "mine", "github-actions[bot]")
    path = f"/repos/acme/course/issues/comments/{made.id}"
    hub.before(lambda: course.delete_comment(made.id), method="PATCH", path="/comments/")
    assert client.send("GET", path).status == 200
    assert client.send("PATCH", path, {"body": "new"}).status == 404
    assert client.send("PATCH", path, {"body": "new"}).status == 404, "and only once"


def test_whoever_comes_in_between_may_ask_the_hub(hub, course, client):
    hub.before(lambda: client.send("POST", COMMENTS, {"body": "first"}), method="GET")
    answer = client.send("GET", COMMENTS)
    assert [comment["body"] for comment in answer.json] == ["first"]


def test_clients_meet(hub, client):
    hub.meet(2, method="GET", path="/comments")
    seen = []
    first = threading.Thread(target=lambda: seen.append(client.send("GET", COMMENTS).status))
    first.start()
    assert client.send("GET", COURSE).status == 200, "another path goes past"
    assert seen == []
    seen.append(client.send("GET", COMMENTS).status)
    first.join()
    assert seen == [200, 200]
    assert client.send("GET", COMMENTS).status == 200, "and the third does not wait"


def test_writes_are_noted_with_what_they_said(hub, course, client):
    hub.fail(1, 502, method="POST")
    for body in ({"body": "lost"}, {"body": ""}, {"body": "x"}):
        client.send("POST", COMMENTS, body)
    client.send("GET", COMMENTS)
    assert [(w.method, w.path, w.body) for w in hub.writes] == [("POST", COMMENTS, {"body": "x"})]


def test_who_meets_nobody_goes_on_alone(hub, client, monkeypatch):
    monkeypatch.setattr("bot.localhub.faults.SECONDS_FOR_OTHERS", 0.01)
    hub.meet(2, method="GET")
    assert client.send("GET", COMMENTS).status == 200
    assert hub.violations == []


def test_an_action_comes_between_a_write_and_its_answer(hub, course, client):
    seen = []

    def ask():
        seen.append(client.send("GET", COMMENTS).json[-1]["body"])

    hub.after_write(2, ask)
    for body in ("one", "two", "three"):
        client.send("GET", COMMENTS)
        assert client.send("POST", COMMENTS, {"body": body}).status == 201
    assert seen == ["two"]
    assert len(hub.writes) == 3


def test_a_request_fails_by_its_number(hub, course, client):
    hub.fail_request(2)
    hub.fail_request(4, 500)
    statuses = [client.send("GET", COMMENTS).status]
    statuses += [client.send("POST", COMMENTS, {"body": "x"}).status for _ in range(4)]
    assert statuses == [200, 502, 201, 500, 201]
    assert len(course.comments(1)) == 2


def test_the_answer_of_a_request_is_lost_by_its_number(hub, course, client):
    hub.fail_request(2, lost=True)
    assert client.send("GET", COMMENTS).status == 200
    with pytest.raises(ConnectionError):
        client.send("POST", COMMENTS, {"body": "x"})
    assert len(course.comments(1)) == 1
    hub.fail_request(1)
    hub.after_write(1, pytest.fail)
    hub.mend()
    assert client.send("POST", COMMENTS, {"body": "x"}).status == 201
