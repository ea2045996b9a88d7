"""Repositories backed by bare git ones: what git pushes the hub shows, and the other way round."""

from __future__ import annotations

import base64
import subprocess

import pytest

pytest.importorskip("openapi_core")

from bot.localhub import LocalHub
from tests.unit.localhub.conftest import Client
from tito.errors import TitoError

ANN = "/repos/acme/course-ann"
MAY = {"administration": "write", "contents": "write", "pull-requests": "write"}


def git(folder, *arguments):
    person = ("-c", "user.name=Ann", "-c", "user.email=ann@example.invalid")
    done = subprocess.run(
        ["git", *person, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder, path, text):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    git(folder, "add", path)
    git(folder, "commit", "--quiet", "-m", f"Change {path}")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def hub(tmp_path):
    with LocalHub(tmp_path / "forge") as hub:
        yield hub
        assert hub.violations == []


@pytest.fixture
def template(hub, tmp_path):
    """A template with two commits, and the working copy of who made it."""
    hub.organisation("acme").add("teacher", "admin")
    template = hub.repository("acme/template", private=True)
    template.is_template = True
    git(tmp_path, "clone", "--quiet", template.bare.address, "work")
    work = tmp_path / "work"
    commit(work, "secret.py", "solution = 1\n")
    git(work, "rm", "-q", "secret.py")
    commit(work, "a/relu.py", "def relu(x): ...\n")
    git(work, "push", "--quiet", "origin", "HEAD:main")
    return template


@pytest.fixture
def app(hub, template):
    return Client(hub, hub.token(MAY, login="course[bot]"))


@pytest.fixture
def student(hub, app, tmp_path):
    """The repository of a student, and their working copy."""
    given = {"owner": "acme", "name": "course-ann", "private": True}
    made = app.send("POST", "/repos/acme/template/generate", given)
    assert made.status == 201
    git(tmp_path, "clone", "--quiet", made.json["clone_url"], "ann")
    repository = hub.repository("acme/course-ann")
    repository.roles["ann"] = "write"
    return repository, tmp_path / "ann"


def test_a_generated_repository_has_the_tree_in_one_commit_and_no_other_object(student, template):
    repository, work = student
    assert git(work, "rev-list", "--count", "HEAD") == "1"
    assert git(work, "rev-parse", "HEAD^{tree}") == template.bare.tree("main")
    assert git(work, "rev-parse", "HEAD") == repository.branches["main"]
    objects = git(repository.bare.path, "cat-file", "--batch-all-objects", "--batch-check")
    assert len(objects.splitlines()) == 4, "a commit, two trees and a file"


def test_two_repositories_have_different_commits(hub, app, student):
    app.send("POST", "/repos/acme/template/generate", {"owner": "acme", "name": "course-ben"})
    ann, ben = (hub.repository(f"acme/course-{name}") for name in ("ann", "ben"))
    assert ann.branches["main"] != ben.branches["main"]
    assert ann.bare.tree("main") == ben.bare.tree("main")


def test_a_push_is_seen_and_open_pull_requests_follow(app, student):
    repository, work = student
    git(work, "checkout", "-qb", "relu")
    first = commit(work, "a/relu.py", "def relu(x): return 0\n")
    git(work, "push", "-q", "origin", "relu")
    opened = app.send(
        "POST", f"{ANN}/pulls", {"title": "ReLU", "head": "relu", "base": "main", "body": "mine"}
    )
    assert (opened.status, opened.json["head"]["sha"]) == (201, first)
    second = commit(work, "a/relu.py", "def relu(x): return max(x, 0)\n")
    git(work, "tag", "submit/02")
    git(work, "push", "-q", "origin", "relu", "submit/02")
    assert repository.pulls[1].head_sha == second
    assert app.send("GET", f"{ANN}/pulls/1").json["head"]["sha"] == second
    reference = app.send("GET", f"{ANN}/git/ref/tags/submit/02").json
    assert reference["object"]["sha"] == second
    activity = app.send("GET", f"{ANN}/activity").json
    kinds = [(each["ref"], each["activity_type"]) for each in activity]
    assert ("refs/tags/submit/02", "push") in kinds
    assert ("refs/heads/relu", "push") in kinds
    assert {each["actor"]["login"] for each in activity[:2]} == {"ann"}


def test_a_push_backwards_and_a_deletion_are_told_apart(app, student):
    repository, work = student
    first = git(work, "rev-parse", "HEAD")
    commit(work, "b.py", "1\n")
    git(work, "push", "-q", "origin", "HEAD:main", "HEAD:other")
    assert app.send("GET", ANN).status == 200
    git(work, "push", "-qf", "origin", f"{first}:main", ":other")
    activity = app.send("GET", f"{ANN}/activity?ref=main").json
    assert activity[0]["activity_type"] == "force_push"
    assert repository.branches.keys() == {"main"}
    gone = app.send("GET", f"{ANN}/activity?activity_type=branch_deletion").json
    assert [each["after"] for each in gone] == ["0" * 40]


def test_packed_branches_are_read(student):
    repository, work = student
    before = dict(repository.branches)
    git(repository.bare.path, "pack-refs", "--all")
    assert repository.bare.refs() == {"refs/heads/main": before["main"]}
    after = commit(work, "b.py", "1\n")
    git(work, "push", "-q", "origin", "HEAD:main")
    assert repository.branches == {"main": after}


def test_a_merge_is_a_merge(student):
    repository, work = student
    git(work, "checkout", "-qb", "relu")
    head = commit(work, "b.py", "1\n")
    git(work, "checkout", "-q", "main")
    base = commit(work, "c.py", "1\n")
    git(work, "push", "-q", "origin", "main", "relu")
    pull = repository.pull_request(head_sha=head, branch="relu")
    merged = pull.merge()
    git(work, "fetch", "-q")
    assert git(work, "log", "-1", "--format=%P", "origin/main") == f"{base} {head}"
    assert (pull.merged, pull.merge_commit, repository.branches["main"]) == (True, merged, merged)
    with pytest.raises(TitoError, match="closed"):
        pull.merge()


def test_a_merge_that_conflicts_is_refused_until_it_is_mended_by_hand(student):
    repository, work = student
    git(work, "checkout", "-qb", "relu")
    head = commit(work, "a/relu.py", "one\n")
    git(work, "checkout", "-q", "main")
    commit(work, "a/relu.py", "two\n")
    git(work, "push", "-q", "origin", "main", "relu")
    pull = repository.pull_request(head_sha=head, branch="relu")
    with pytest.raises(TitoError, match="conflicts with main"):
        pull.merge()
    assert pull.state == "open"
    git(work, "merge", "-q", "-s", "ours", "-m", "Mine", "relu")
    git(work, "push", "-q", "origin", "main")
    assert repository.branches["main"] == pull.merge_commit
    assert (pull.state, pull.merged) == ("closed", True)


def test_a_pull_request_from_a_fork(hub, app, student, tmp_path):
    repository, work = student
    fork = hub.repository("ben/course-ann", fork_of=repository)
    head = commit(work, "b.py", "1\n")
    git(work, "push", "-q", fork.bare.address, "HEAD:relu")
    given = {"title": "x", "head": "ben:relu", "base": "main"}
    assert app.send("POST", f"{ANN}/pulls", given).json["head"]["label"] == "ben:relu"
    merged = repository.pulls[1].merge()
    assert repository.bare.contains(merged, head)
    strange = app.send("POST", f"{ANN}/pulls", {**given, "head": "eve:relu"})
    assert strange.json["errors"][0]["field"] == "head"


def test_there_is_no_pull_request_without_a_commit_or_a_history(app, student):
    repository, work = student
    git(work, "push", "-q", "origin", "HEAD:feedback")
    given = {"title": "Feedback", "head": "main", "base": "feedback"}
    refused = app.send("POST", f"{ANN}/pulls", given)
    assert refused.json["errors"][0]["message"] == "No commits between feedback and main"
    git(work, "checkout", "-q", "--orphan", "alone")
    commit(work, "b.py", "1\n")
    git(work, "push", "-q", "origin", "alone")
    refused = app.send("POST", f"{ANN}/pulls", {**given, "head": "alone"})
    assert "no history in common" in refused.json["errors"][0]["message"]
    assert refused.status == 422
    assert repository.pulls == {}


def test_files_are_read_from_git(app, student):
    repository, work = student
    file = app.send("GET", f"{ANN}/contents/a/relu.py").json
    assert base64.b64decode(file["content"]) == b"def relu(x): ...\n"
    assert file["sha"] == git(work, "rev-parse", "HEAD:a/relu.py")
    folder = app.send("GET", f"{ANN}/contents/a").json
    assert [(each["path"], each["type"]) for each in folder] == [("a/relu.py", "file")]
    before = repository.branches["main"]
    commit(work, "big.txt", "x" * 1_000_001)
    git(work, "push", "-q", "origin", "main")
    big = app.send("GET", f"{ANN}/contents/big.txt").json
    assert (big["encoding"], big["content"], big["size"]) == ("none", "", 1_000_001)
    for nothing in ("nothing", f"big.txt?ref={before}", "a/relu.py?ref=nowhere"):
        assert app.send("GET", f"{ANN}/contents/{nothing}").status == 404


def test_the_folder_goes_where_the_name_goes(hub, app, student, tmp_path):
    repository, work = student
    assert app.send("PATCH", ANN, {"name": "course-anna"}).status == 200
    assert repository.bare.path == tmp_path / "forge" / "acme" / "course-anna.git"
    head = commit(work, "b.py", "1\n")
    git(work, "push", "-q", repository.bare.address, "HEAD:main")
    assert repository.branches["main"] == head
    assert app.send("DELETE", "/repos/acme/course-anna").status == 204
    assert not repository.bare.path.exists()
    assert app.send("GET", ANN).status == 404


def test_references_are_written(app, student):
    repository, work = student
    first = repository.branches["main"]
    second = commit(work, "b.py", "1\n")
    git(work, "push", "-q", "origin", "HEAD:main")
    feedback = {"ref": "refs/heads/feedback", "sha": second}
    assert app.send("POST", f"{ANN}/git/refs", feedback).status == 201
    assert app.send("POST", f"{ANN}/git/refs", feedback).json["message"] == (
        "Reference already exists"
    )
    tag = {"ref": "refs/tags/start", "sha": first}
    assert app.send("POST", f"{ANN}/git/refs", tag).status == 201
    assert git(work, "ls-remote", "origin", "refs/tags/start").split()[0] == first
    path = f"{ANN}/git/refs/heads/feedback"
    assert app.send("PATCH", path, {"sha": first}).status == 422
    assert app.send("PATCH", path, {"sha": first, "force": True}).json["object"]["sha"] == first
    assert app.send("PATCH", path, {"sha": "f" * 40}).json["message"] == "Object does not exist"
    assert app.send("DELETE", path).status == 204
    assert app.send("DELETE", path).status == 422
    assert repository.branches == {"main": second}
    assert app.send("POST", f"{ANN}/git/refs", {"ref": "main", "sha": first}).status == 422
    assert app.send("PATCH", path, {"sha": first}).json["message"] == "Reference does not exist"


def test_a_new_repository_may_begin_with_a_commit(app):
    given = {"name": "tools", "auto_init": True, "private": True}
    assert app.send("POST", "/orgs/acme/repos", given).status == 201
    assert app.send("GET", "/repos/acme/tools/contents/README.md").status == 200


def test_git_says_what_it_refuses(student):
    repository, _ = student
    with pytest.raises(TitoError, match="git update-ref failed"):
        repository.push("main", "f" * 40)
    with pytest.raises(TitoError, match="git merge-tree failed"):
        repository.bare.merged("main", "nowhere")
