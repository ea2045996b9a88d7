"""401, 403 and 404, with GitHub's words and GitHub's shape."""

from __future__ import annotations

import pytest

pytest.importorskip("openapi_core")

from bot.localhub.tokens import ALL, READ_ONLY, Token
from tests.unit.localhub.conftest import HEAD, Client

COMMENTS = "/repos/acme/course/issues/1/comments"
STATUSES = f"/repos/acme/course/statuses/{HEAD}"
BY_APP = "Resource not accessible by integration"


def refused(answer, status, message):
    assert (answer.status, answer.json["message"]) == (status, message)
    assert answer.json["status"] == str(status)
    assert answer.json["documentation_url"].startswith("https://docs.github.com/")
    return True


def test_without_a_token_a_public_repository_is_read_and_not_written(hub, course):
    anyone = Client(hub)
    assert anyone.send("GET", COMMENTS).status == 200
    assert refused(anyone.send("POST", COMMENTS, {"body": "x"}), 401, "Requires authentication")
    assert refused(anyone.send("GET", "/user"), 401, "Requires authentication")
    artifact = course.workflow_run(head_sha=HEAD, branch="relu").artifact("a", b"")
    download = f"/repos/acme/course/actions/artifacts/{artifact.id}/zip"
    assert refused(anyone.send("GET", download), 401, "Requires authentication")
    assert course.comments(1) == []
    assert hub.violations == []


def test_an_unknown_token_is_refused_even_where_none_is_needed(hub, course):
    assert refused(Client(hub, "ghs_other").send("GET", COMMENTS), 401, "Bad credentials")
    assert hub.violations == []


@pytest.mark.parametrize("scheme", ["Bearer", "token"])
def test_both_ways_to_send_a_token(hub, course, scheme):
    token = hub.token(login="ann", value="ghp_ann")
    assert token == "ghp_ann"
    answer = Client(hub).send("GET", "/user", Authorization=f"{scheme} {token}")
    assert answer.json["login"] == "ann"


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ({"issues": "write"}, True),
        ({"pull-requests": "write"}, True),
        ({"issues": "read", "statuses": "write"}, False),
        (READ_ONLY, False),
        ({}, False),
    ],
)
def test_a_comment_takes_one_of_two_permissions(hub, course, permissions, allowed):
    client = Client(hub, hub.token(permissions, repository=course))
    answer = client.send("POST", COMMENTS, {"body": "x"})
    assert answer.status == 201 if allowed else refused(answer, 403, BY_APP)
    assert len(course.comments(1)) == allowed
    assert hub.violations == []


def test_a_status_takes_its_own_permission(hub, course):
    client = Client(hub, hub.token({"issues": "write"}, repository=course))
    assert refused(client.send("POST", STATUSES, {"state": "success"}), 403, BY_APP)
    client = Client(hub, hub.token({"statuses": "write"}, repository=course))
    assert client.send("POST", STATUSES, {"state": "success"}).status == 201
    assert hub.violations == []


def test_a_private_repository_is_hidden_from_who_may_not_read_it(hub):
    private = hub.repository("acme/secret", private=True)
    path = "/repos/acme/secret"
    other = hub.repository("acme/other")
    assert refused(Client(hub).send("GET", path), 404, "Not Found")
    assert refused(Client(hub, hub.token(login="ann")).send("GET", path), 404, "Not Found")
    strange = Client(hub, hub.token(repository=other))
    assert refused(strange.send("GET", path), 404, "Not Found")
    narrow = Client(hub, hub.token({"packages": "read"}, repository=private))
    assert refused(narrow.send("GET", path), 403, BY_APP)
    private.roles["ann"] = "read"
    seen = Client(hub, hub.token(login="ann")).send("GET", path)
    assert (seen.status, seen.json["visibility"]) == (200, "private")
    assert hub.violations == []


def test_the_token_of_another_repository_writes_nothing_here(hub, course):
    other = hub.repository("acme/other")
    client = Client(hub, hub.token(repository=other))
    assert refused(client.send("POST", COMMENTS, {"body": "x"}), 403, BY_APP)


def test_a_comment_of_somebody_else_takes_the_right_to_push(hub, course):
    comment = course.comment(1, "mine", "ann")
    path = f"/repos/acme/course/issues/comments/{comment.id}"
    ben = Client(hub, hub.token(login="ben"))
    denied = "Must have admin rights to Repository."
    assert refused(ben.send("PATCH", path, {"body": "yours"}), 403, denied)
    assert refused(ben.send("DELETE", path), 403, denied)
    assert course.comments(1) == [comment]
    assert Client(hub, hub.token(login="ann")).send("PATCH", path, {"body": "new"}).status == 200
    course.roles["ben"] = "write"
    answer = ben.send("PATCH", path, {"body": "yours"})
    assert (answer.status, answer.json["user"]["login"]) == (200, "ann")
    assert Client(hub, hub.token()).send("DELETE", path).status == 204
    assert course.comments(1) == []
    assert hub.violations == []


def test_a_user_sets_a_status_only_with_the_right_to_push(hub, course):
    ben = Client(hub, hub.token(login="ben"))
    denied = "Must have push access to repository"
    assert refused(ben.send("POST", STATUSES, {"state": "success"}), 403, denied)
    owner = Client(hub, hub.token(login="acme"))
    assert owner.send("POST", STATUSES, {"state": "success"}).json["context"] == "default"
    assert hub.violations == []


def test_a_token_does_not_show_itself(hub):
    assert "ghs_secret" not in repr(Token("ghs_secret", hub.state.user("ann"), ALL))
