"""What breaks GitHub's description is recorded, whoever broke it."""

from __future__ import annotations

import pytest

pytest.importorskip("openapi_core")

from bot.localhub import routing
from bot.localhub.answers import Answer
from bot.localhub.check import Description
from bot.localhub.routes import METADATA
from tests.unit.localhub.conftest import HEAD

COMMENTS = "/repos/acme/course/issues/1/comments"


@pytest.mark.parametrize("path", ["/repos/acme/course/releases", "/graphql", "/"])
def test_an_unknown_path_is_not_implemented_and_recorded(hub, client, path):
    answer = client.send("GET", path)
    assert answer.status == 501
    assert answer.json["message"] == "Not implemented here"
    assert hub.violations == [f"GET {path}: no such endpoint here"]


@pytest.mark.parametrize("method", ["PUT", "HEAD", "OPTIONS", "DELETE"])
def test_a_known_path_with_another_method_is_recorded(hub, client, method):
    assert client.send(method, COMMENTS, {"body": "x"}).status == 501
    assert hub.violations == [f"{method} {COMMENTS}: no such endpoint here"]


@pytest.mark.parametrize(
    ("body", "breach"),
    [
        ({"text": "x"}, "'body' is a required property at $"),
        ({"body": 3}, "3 is not of type 'string' at $.body"),
        ({"body": "x", "bodi": "y"}, "'bodi' was unexpected"),
        (None, "Missing required request body"),
    ],
)
def test_a_broken_request_is_refused_and_recorded(hub, course, client, body, breach):
    answer = client.send("POST", COMMENTS, body)
    assert answer.status == 422
    assert answer.json["message"].startswith("Invalid request.")
    assert breach in answer.json["message"]
    assert any(breach in each for each in hub.violations)
    assert all(each.startswith(f"POST {COMMENTS}: request: ") for each in hub.violations)
    assert course.comments(1) == []


def test_broken_json_is_a_bad_request(hub, client):
    answer = client.send("POST", COMMENTS, b'{"body": ')
    assert (answer.status, answer.json["message"]) == (400, "Problems parsing JSON")
    assert len(hub.violations) == 1


def test_a_broken_query_and_a_broken_path_are_recorded(hub, client):
    assert client.send("GET", f"{COMMENTS}?per_page=many").status == 422
    assert client.send("GET", "/repos/acme/course/issues/one/comments").status == 422
    assert ["per_page" in hub.violations[0], "issue_number" in hub.violations[1]] == [True, True]


def test_a_broken_state_shows_in_the_answer(hub, course, client):
    course.comment(1, 3, "ann")
    assert client.send("GET", COMMENTS).status == 200
    assert hub.violations == [
        f"GET {COMMENTS}: response 200: 3 is not of type 'string' at $[0].body"
    ]


def test_a_misspelt_and_a_missing_property_of_an_answer_are_recorded(hub, client, monkeypatch):
    def wrong(call):
        payload = call.payloads.whole_repository(call.repository)
        payload["ful_name"] = payload.pop("full_name")
        return Answer(200, payload)

    place = ("GET", routing.REPOSITORY)
    monkeypatch.setitem(routing.ROUTES, place, routing.Route(wrong, METADATA))
    client.send("GET", "/repos/acme/course")
    assert len(hub.violations) == 2
    assert any("'full_name' is a required property at $" in each for each in hub.violations)
    assert any("'ful_name' was unexpected" in each for each in hub.violations)


def test_a_status_that_github_never_answers_is_recorded(hub, client, monkeypatch):
    place = ("GET", routing.REPOSITORY)
    teapot = routing.Route(lambda _call: Answer(418, {}), METADATA)
    monkeypatch.setitem(routing.ROUTES, place, teapot)
    client.send("GET", "/repos/acme/course")
    assert hub.violations == [
        "GET /repos/acme/course: response 418: Unknown response http status: 418"
    ]


def test_an_error_of_the_hub_is_recorded_and_not_lost(hub, client, monkeypatch):
    def broken(call):
        raise ZeroDivisionError("planted")

    place = ("GET", routing.REPOSITORY)
    monkeypatch.setitem(routing.ROUTES, place, routing.Route(broken, METADATA))
    with pytest.raises(ConnectionError):
        client.send("GET", "/repos/acme/course")
    assert len(hub.violations) == 1
    assert "ZeroDivisionError: planted" in hub.violations[0]
    # and the hub goes on
    assert client.send("GET", COMMENTS).status == 200


def test_slashes_in_the_name_of_a_branch_match_encoded_or_not(hub, course, client):
    course.push("fix/relu", HEAD)
    for reference in ("heads/fix/relu", "heads%2Ffix%2Frelu", "fix%2Frelu", HEAD):
        answer = client.send("GET", f"/repos/acme/course/commits/{reference}/status")
        assert (answer.status, answer.json["sha"]) == (200, HEAD)
    assert hub.violations == []


def test_matching_gives_the_values_and_one_segment_for_each():
    match = Description().match("GET", "/repos/a%20b/c/commits/heads/x/statuses")
    assert match is not None
    assert match.values == {"owner": "a b", "repo": "c", "ref": "heads/x"}
    assert match.path == "/repos/a%20b/c/commits/heads%2Fx/statuses"
    assert Description().match("GET", "/repos/a/b/c") is None
