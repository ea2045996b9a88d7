"""What the endpoints do, asked over HTTP with the standard library alone."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("openapi_core")

from bot.localhub.routes import STATUSES_LIMIT
from tests.unit.localhub.conftest import HEAD, Client

COMMENTS = "/repos/acme/course/issues/1/comments"
STATUSES = f"/repos/acme/course/statuses/{HEAD}"


def test_times_and_ids_are_the_same_in_every_run_and_increase(hub, client):
    first, second = (client.send("POST", COMMENTS, {"body": "x"}).json for _ in range(2))
    assert first["created_at"].startswith("2030-01-01T00:00:")
    assert (first["created_at"], first["id"]) < (second["created_at"], second["id"])
    assert hub.state.now() > second["created_at"]


@pytest.mark.parametrize(
    ("query", "bodies", "relations"),
    [
        ("", range(30), {"next": 2, "last": 3}),
        ("?per_page=50", range(50), {"next": 2, "last": 2}),
        ("?per_page=50&page=2", range(50, 75), {"prev": 1, "first": 1}),
        ("?page=3", range(60, 75), {"prev": 2, "first": 1}),
        ("?page=9", range(0), {"prev": 3, "first": 1}),
        ("?per_page=100", range(75), {}),
        ("?per_page=0", range(1), {"next": 2, "last": 75}),
    ],
)
def test_pages_and_their_links(hub, course, client, query, bodies, relations):
    for number in range(75):
        course.comment(1, str(number), "ann")
    answer = client.send("GET", COMMENTS + query)
    assert [comment["body"] for comment in answer.json] == [str(number) for number in bodies]
    links = dict(
        reversed(part.split("; rel="))
        for part in answer.headers.get("link", "").replace('"', "").split(", ")
        if part
    )
    assert links.keys() == relations.keys()
    for relation, page in relations.items():
        assert links[relation].startswith(f"<{hub.url}{COMMENTS}?")
        assert f"page={page}>" in links[relation] or f"page={page}&" in links[relation]
    assert hub.violations == []


def test_no_page_is_longer_than_a_hundred(course, client):
    for number in range(101):
        course.comment(1, str(number), "ann")
    assert len(client.send("GET", f"{COMMENTS}?per_page=500").json) == 100


def test_a_link_can_be_followed_to_the_end(hub, course, client):
    for number in range(7):
        course.comment(1, str(number), "ann")
    path, bodies = f"{COMMENTS}?per_page=3&since=2030-01-01T00:00:00Z", []
    while path:
        answer = client.send("GET", path)
        bodies += [comment["body"] for comment in answer.json]
        following = [
            part for part in answer.headers.get("link", "").split(", ") if 'rel="next"' in part
        ]
        path = following[0][1 : following[0].index(">")].removeprefix(hub.url) if following else ""
    assert bodies == [str(number) for number in range(7)]
    assert hub.violations == []


def test_since_leaves_out_what_was_not_touched(course, client):
    course.comment(1, "old", "ann")
    edited = course.edit_comment(course.comment(1, "older", "ann").id, "new")
    found = client.send("GET", f"{COMMENTS}?since={edited.updated_at}").json
    assert [comment["body"] for comment in found] == ["new"]


def test_one_comment_is_read_edited_and_gone(hub, client):
    made = client.send("POST", COMMENTS, {"body": "x"})
    path = made.json["url"].removeprefix(hub.url)
    assert made.headers["location"] == made.json["url"]
    assert client.send("GET", path).json == made.json
    assert client.send("PATCH", path, {"body": "y"}).json["body"] == "y"
    deleted = client.send("DELETE", path)
    assert (deleted.status, deleted.body) == (204, b"")
    for method, body in (("GET", None), ("PATCH", {"body": "z"}), ("DELETE", None)):
        assert client.send(method, path, body).status == 404
    assert hub.violations == []


@pytest.mark.parametrize(
    "path",
    [
        "/repos/acme/nothing",
        "/repos/acme/course/issues/9/comments",
        "/repos/acme/course/pulls/9",
        "/repos/acme/course/actions/runs/9",
        "/repos/acme/course/actions/runs/9/jobs",
        "/repos/acme/course/actions/runs/9/artifacts",
        "/repos/acme/course/actions/artifacts/9/zip",
    ],
)
def test_what_is_not_there_is_not_found(hub, client, path):
    answer = client.send("GET", path)
    assert (answer.status, answer.json["message"]) == (404, "Not Found")
    assert hub.violations == []


def test_names_of_repositories_have_no_case(client):
    assert client.send("GET", "/repos/ACME/Course").json["full_name"] == "acme/course"


def test_attempts_that_were_and_attempts_that_were_not(hub, course, client):
    run = course.workflow_run(head_sha=HEAD, branch="relu", attempt=2)
    run.job("verdict", "success")
    path = f"/repos/acme/course/actions/runs/{run.id}/attempts"
    counts = [client.send("GET", f"{path}/{n}/jobs").json.get("total_count") for n in range(4)]
    assert counts == [None, 0, 1, None]
    assert client.send("GET", f"{path}/3/jobs").status == 404
    seen = client.send("GET", f"/repos/acme/course/actions/runs/{run.id}").json
    assert seen["previous_attempt_url"].endswith("/attempts/1")
    assert hub.violations == []


def test_artifacts_are_filtered_by_name_and_only_zips(hub, course, client):
    run = course.workflow_run(head_sha=HEAD, branch="relu")
    kept = run.artifact("tito-report", b"PK not a zip", file=None)
    run.artifact("other", b"")
    assert kept.archive == b"PK not a zip"
    path = f"/repos/acme/course/actions/runs/{run.id}/artifacts"
    found = client.send("GET", f"{path}?name=tito-report").json
    assert (found["total_count"], found["artifacts"][0]["id"]) == (1, kept.id)
    download = f"/repos/acme/course/actions/artifacts/{kept.id}"
    assert client.send("GET", f"{download}/zip").status == 302
    assert client.send("GET", f"{download}/tar").status == 404
    assert hub.violations == []


@pytest.mark.parametrize(("length", "status"), [(65_536, 201), (65_537, 422)])
def test_the_longest_comment(hub, course, client, length, status):
    # Characters count, not bytes.
    answer = client.send("POST", COMMENTS, {"body": "ü" * length})
    assert answer.status == status
    assert len(course.comments(1)) == (status == 201)
    assert status == 201 or answer.json["errors"] == [
        {
            "resource": "IssueComment",
            "code": "unprocessable",
            "field": "data",
            "message": "Body is too long (maximum is 65536 characters)",
        }
    ]
    assert hub.violations == []


def test_an_empty_comment_and_an_edit_that_is_too_long_change_nothing(hub, course, client):
    comment = course.comment(1, "x", "ann")
    assert client.send("POST", COMMENTS, {"body": " \n"}).status == 422
    path = f"/repos/acme/course/issues/comments/{comment.id}"
    assert client.send("PATCH", path, {"body": "y" * 65_537}).status == 422
    assert course.comments(1) == [comment]
    assert hub.violations == []


@pytest.mark.parametrize(("length", "status"), [(140, 201), (141, 422)])
def test_the_longest_description_of_a_status(hub, course, client, length, status):
    answer = client.send("POST", STATUSES, {"state": "success", "description": "ü" * length})
    assert answer.status == status
    assert len(course.statuses(HEAD)) == (status == 201)
    assert status == 201 or "140 characters" in answer.json["errors"][0]["message"]
    assert hub.violations == []


def test_a_status_of_an_unknown_commit_or_beyond_the_last_is_refused(hub, course, client):
    other = "e" * 40
    answer = client.send("POST", f"/repos/acme/course/statuses/{other}", {"state": "success"})
    assert (answer.status, answer.json["message"]) == (422, f"No commit found for SHA: {other}")
    assert client.send("GET", f"/repos/acme/course/commits/{other}/status").status == 422
    for _ in range(STATUSES_LIMIT):
        course.status(HEAD, "pending", context="full")
    assert client.send("POST", STATUSES, {"state": "success", "context": "full"}).status == 422
    assert client.send("POST", STATUSES, {"state": "success", "context": "free"}).status == 201
    assert hub.violations == []


def test_the_combined_status_has_pages_and_counts_them_all(hub, course, client):
    for number in range(3):
        course.status(HEAD, "success", context=str(number))
    path = f"/repos/acme/course/commits/{HEAD}/status?per_page=2&page=2"
    answer = client.send("GET", path)
    assert [status["context"] for status in answer.json["statuses"]] == ["2"]
    assert answer.json["total_count"] == 3
    assert 'rel="prev"' in answer.headers["link"]
    assert hub.violations == []


def test_pull_requests_are_sorted(course, client):
    course.pull_request(head_sha="b" * 40, branch="second", base="next")
    course.pulls[1].push("c" * 40)

    def numbers(query):
        return [
            pull["number"] for pull in client.send("GET", f"/repos/acme/course/pulls{query}").json
        ]

    assert numbers("") == [2, 1]
    assert numbers("?direction=asc") == [1, 2]
    assert numbers("?sort=updated") == [1, 2]
    assert numbers("?base=next") == [2]


def test_a_body_counts_as_json_whatever_its_type_says(hub, client):
    kind = "application/x-www-form-urlencoded"
    assert client.send("POST", COMMENTS, {"body": "x"}, Content_Type=kind).status == 201
    assert hub.violations == []


def test_an_answer_that_the_client_has_is_not_sent_again(hub, course, client):
    first = client.send("GET", COMMENTS)
    tag = first.headers["etag"]
    again = client.send("GET", COMMENTS, If_None_Match=tag)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    course.comment(1, "news", "ann")
    news = client.send("GET", COMMENTS, If_None_Match=tag)
    assert (news.status, len(news.json)) == (200, 1)
    assert hub.violations == []


def test_requests_are_counted_and_listed(hub, client):
    client.send("GET", COMMENTS + "?per_page=1")
    answer = client.send("GET", "/rate_limit")
    assert answer.json["rate"]["used"] == 1
    assert answer.headers["x-ratelimit-remaining"] == "4999"
    assert hub.requests == [("GET", COMMENTS), ("GET", "/rate_limit")]
    assert hub.violations == []


def test_the_events_hold_what_the_api_shows(hub, course, client):
    pull, run = course.pulls[1], course.workflow_run(head_sha=HEAD, branch="relu")
    opened, completed = hub.pull_request_event(pull), hub.workflow_run_event(run)
    repository = client.send("GET", "/repos/acme/course").json
    assert opened["repository"] == completed["repository"] == repository
    assert opened["pull_request"] == client.send("GET", "/repos/acme/course/pulls/1").json
    path = f"/repos/acme/course/actions/runs/{run.id}"
    assert completed["workflow_run"] == client.send("GET", path).json
    assert (opened["action"], completed["action"]) == ("opened", "completed")
    assert json.loads(json.dumps(opened)) == opened
    assert hub.violations == []


def test_a_failure_on_request_is_answered_and_changes_nothing(hub, course, client):
    hub.fail(
        1, 403, message="You have exceeded a secondary rate limit", headers={"Retry-After": "1"}
    )
    hub.fail(2, 502, method="POST")
    limited = client.send("POST", COMMENTS, {"body": "x"})
    assert (limited.status, limited.headers["retry-after"]) == (403, "1")
    assert [client.send("GET", COMMENTS).status] == [200]
    statuses = [client.send("POST", COMMENTS, {"body": "x"}).status for _ in range(3)]
    assert statuses == [502, 502, 201]
    assert len(course.comments(1)) == 1
    assert hub.violations == []


def test_a_failure_can_be_for_one_path(hub, client):
    hub.fail(1, 500, path="/pulls")
    assert client.send("GET", COMMENTS).status == 200
    assert client.send("GET", "/repos/acme/course/pulls").status == 500
    assert client.send("GET", "/repos/acme/course/pulls").status == 200


def test_a_refused_write_is_not_the_one_whose_answer_is_lost(hub, course, client):
    hub.drop_response_after_write()
    assert client.send("POST", COMMENTS, {"body": ""}).status == 422
    with pytest.raises(ConnectionError):
        client.send("POST", COMMENTS, {"body": "x"})
    assert [comment.body for comment in course.comments(1)] == ["x"]
    assert client.send("POST", COMMENTS, {"body": "y"}).status == 201


def test_two_hubs_know_nothing_of_each_other(hub, course):
    from bot.localhub import LocalHub

    with LocalHub() as other:
        assert other.url != hub.url
        assert Client(other).send("GET", "/repos/acme/course").status == 404
