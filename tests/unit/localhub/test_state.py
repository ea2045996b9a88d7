"""The state by itself, where no request is needed to ask it."""

# ruff: noqa: E402 (what needs a tool is imported once the tool is known to be there)

from __future__ import annotations

import io
import zipfile

import pytest

from tests.conftest import required

required("openapi_core")

from bot.localhub.routes import combined_state, newest_statuses
from bot.localhub.state import State
from tito.errors import UsageError

HEAD = "a" * 40


def test_the_same_steps_give_the_same_state():
    def steps():
        course = State().repository("acme/course")
        pull = course.pull_request(head_sha=HEAD, branch="relu", head_repository="ann/course")
        comment = course.comment(pull.number, "x", "ann")
        artifact = course.workflow_run(head_sha=HEAD, branch="relu").artifact("r", b"data")
        return comment, artifact, pull.author

    assert steps() == steps()


def test_a_repository_is_named_owner_and_name():
    with pytest.raises(UsageError, match="names no repository"):
        State().repository("course")


def test_a_repository_and_a_user_are_made_once():
    state = State()
    assert state.repository("acme/course") is state.repository("Acme/Course")
    assert state.find("ACME", "course") is state.repository("acme/course")
    assert state.user("ann") is state.user("ann")
    assert state.find("acme", "other") is None
    assert repr(state.repository("acme/course")) == "Repository(acme/course)"


def test_a_fork_is_made_where_it_is_named():
    state = State()
    course = state.repository("acme/course")
    pull = course.pull_request(head_sha=HEAD, branch="relu", head_repository="ann/course")
    fork = state.find("ann", "course")
    assert fork is not None
    assert (fork.fork_of, pull.head_repository, pull.from_fork) == (course, fork, True)
    assert pull.author.login == "ann"
    assert fork.branches == {"relu": HEAD}
    run = course.workflow_run(head_sha=HEAD, branch="relu", head_repository=fork)
    assert run.head_repository is fork
    again = course.pull_request(head_sha=HEAD, branch="x", head_repository="Acme/Course")
    assert (again.head_repository, again.from_fork) == (course, False)


def test_a_deleted_fork_leaves_a_pull_request_without_a_repository():
    course = State().repository("acme/course")
    pull = course.pull_request(head_sha=HEAD, branch="relu", head_repository=None, author="ann")
    pull.push("b" * 40)
    assert (pull.head_repository, pull.head_owner, pull.head_sha) == (None, "ann", HEAD)


def test_a_push_moves_only_what_was_made_from_that_branch_of_that_repository():
    course = State().repository("acme/course")
    pulls = [
        course.pull_request(head_sha=HEAD, branch=branch, head_repository=repository)
        for branch, repository in (
            ("relu", "ann/course"),
            ("relu", "ben/course"),
            ("x", "ann/course"),
        )
    ]
    pulls[0].push("b" * 40)
    assert [pull.head_sha for pull in pulls] == ["b" * 40, HEAD, HEAD]
    assert course.commit_of("b" * 40) == "b" * 40, "the base knows the commit, as refs/pull does"


def test_roles():
    state = State()
    course, secret = state.repository("acme/course"), state.repository("acme/s", private=True)
    ann = state.user("ann")
    assert [each.role(state.user("acme")) for each in (course, secret)] == ["admin", "admin"]
    assert [each.role(ann) for each in (course, secret)] == ["read", "none"]
    course.roles["ann"] = "write"
    assert course.role(ann) == "write"


def test_a_branch_is_named_in_three_ways():
    course = State().repository("acme/course")
    course.push("fix/relu", HEAD)
    names = ("fix/relu", "heads/fix/relu", "refs/heads/fix/relu", HEAD, "other")
    assert [course.commit_of(name) for name in names] == [HEAD] * 4 + [None]


@pytest.mark.parametrize(
    ("states", "combined"),
    [
        ([], "pending"),
        (["success"], "success"),
        (["success", "pending"], "pending"),
        (["pending", "failure"], "failure"),
        (["success", "error"], "failure"),
    ],
)
def test_the_combined_state(states, combined):
    course = State().repository("acme/course")
    made = [course.status(HEAD, state, context=str(n)) for n, state in enumerate(states)]
    assert combined_state(made) == combined


def test_a_newer_status_replaces_the_older_of_its_context():
    course = State().repository("acme/course")
    course.status(HEAD, "pending", context="a")
    course.status(HEAD, "success", context="b")
    course.status(HEAD, "failure", context="a", creator="ann")
    course.status("b" * 40, "error", context="a")
    newest = newest_statuses(course.statuses(HEAD))
    assert [(each.context, each.state) for each in newest] == [("a", "failure"), ("b", "success")]


def test_an_artifact_is_a_zip_of_one_file():
    artifact = (
        State().repository("a/b").workflow_run(head_sha=HEAD, branch="x").artifact("r", b"data")
    )
    with zipfile.ZipFile(io.BytesIO(artifact.archive)) as archive:
        assert archive.namelist() == ["report.json"]
        assert archive.read("report.json") == b"data"
    assert "data" not in repr(artifact)
