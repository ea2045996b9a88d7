"""Repositories that change: names, visibility, archives, deletion, and who calls their workflows."""

from __future__ import annotations

import pytest

pytest.importorskip("openapi_core")

from tests.unit.localhub.conftest import HEAD, Client

PATH = "/repos/acme/course-ann"
ACCESS = f"{PATH}/actions/permissions/access"
MAY = {"administration": "write", "contents": "write", "pull-requests": "write"}
ADMINS = "Must have admin rights to Repository."


@pytest.fixture
def acme(hub):
    acme = hub.organisation("acme")
    acme.add("teacher", "admin")
    return acme


@pytest.fixture
def repository(hub, acme):
    repository = hub.repository("acme/course-ann", private=True)
    repository.push("main", HEAD)
    return repository


@pytest.fixture
def app(hub, repository):
    return Client(hub, hub.token(MAY, login="course[bot]"))


@pytest.fixture(autouse=True)
def true_to_the_description(hub):
    yield
    assert hub.violations == []


def refused(answer, status, message):
    assert (answer.status, answer.json["message"]) == (status, message)
    return True


def test_settings_are_changed_one_at_a_time(app, repository):
    for change in (
        {"description": "x"},
        {"is_template": True},
        {"visibility": "public"},
        {"private": True},
        {"has_wiki": False},
        {"delete_branch_on_merge": True},
        {"default_branch": "main"},
    ):
        assert app.send("PATCH", PATH, change).json.items() >= change.items()
    seen = app.send("GET", PATH).json
    assert (seen["description"], seen["has_wiki"], seen["private"]) == ("x", False, True)
    absent = app.send("PATCH", PATH, {"default_branch": "other"})
    assert refused(absent, 422, "Validation Failed")
    assert "The branch other was not found" in absent.json["errors"][0]


def test_a_new_name_and_the_way_from_the_old_one(hub, app, repository):
    assert app.send("PATCH", PATH, {"name": "course-anna"}).json["name"] == "course-anna"
    moved = app.send("GET", f"{PATH}/git/ref/heads/main")
    assert refused(moved, 301, "Moved Permanently")
    where = moved.headers["location"].removeprefix(hub.url)
    assert where == f"/repositories/{repository.id}/git/ref/heads%2Fmain"
    assert app.send("GET", where).json["object"]["sha"] == HEAD
    assert app.send("GET", f"/repositories/{repository.id}").json["name"] == "course-anna"
    changed = app.send("PATCH", PATH, {"description": "x"})
    assert refused(changed, 307, "Temporary Redirect")
    assert Client(hub).send("GET", PATH).status == 404, "a private name is not given away"
    assert hub.state.find("acme", "course-ann") is repository
    taken = hub.repository("acme/course-ann")
    assert app.send("GET", PATH).json["id"] == taken.id != repository.id
    other = app.send("PATCH", PATH, {"name": "course-anna"})
    assert refused(other, 422, "Repository update failed.")
    assert app.send("PATCH", PATH, {"name": "Course-Ann"}).json["name"] == "Course-Ann"
    assert app.send("GET", PATH).status == 200
    assert app.send("DELETE", "/repos/acme/course-anna").status == 204
    assert app.send("GET", "/repos/acme/course-anna").status == 404


def test_an_archive_is_only_read(app, repository):
    assert app.send("PATCH", PATH, {"archived": True}).json["archived"] is True
    closed = "Repository was archived so is read-only."
    assert app.send("GET", PATH).json["archived"] is True
    assert refused(app.send("PATCH", PATH, {"description": "x"}), 403, closed)
    assert refused(app.send("PUT", f"{PATH}/collaborators/ann"), 403, closed)
    assert app.send("PATCH", PATH, {"archived": False}).json["archived"] is False
    assert app.send("PUT", f"{PATH}/collaborators/ann").status == 201


def test_users_change_only_what_they_administer(hub, acme, repository):
    repository.roles |= {"ann": "write", "ben": "admin"}
    ann, ben, teacher = (
        Client(hub, hub.token(MAY, login=login)) for login in ("ann", "ben", "teacher")
    )
    assert refused(ann.send("PATCH", PATH, {"name": "x"}), 403, ADMINS)
    assert refused(ann.send("DELETE", PATH), 403, ADMINS)
    acme.lock_down()
    acme.add("ben")
    public = ben.send("PATCH", PATH, {"private": False})
    assert refused(public, 422, "Visibility can't be changed by this user")
    assert refused(
        ben.send("DELETE", PATH), 403, "Organization members cannot delete repositories."
    )
    assert teacher.send("PATCH", PATH, {"private": False}).status == 200
    assert teacher.send("DELETE", PATH).status == 204
    own = hub.repository("ann/mine")
    assert ann.send("PATCH", "/repos/ann/mine", {"private": True}).json["private"] is True
    assert own.private


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", PATH, {"name": "x"}),
        ("DELETE", PATH, None),
        ("GET", ACCESS, None),
        ("PUT", ACCESS, {"access_level": "organization"}),
        ("PUT", f"{PATH}/collaborators/ann", None),
        ("DELETE", f"{PATH}/collaborators/ann", None),
        ("GET", f"{PATH}/invitations", None),
    ],
)
def test_administration_takes_its_permission(hub, repository, method, path, body):
    app = Client(hub, hub.token({"contents": "write"}, login="course[bot]"))
    assert refused(app.send(method, path, body), 403, "Resource not accessible by integration")
    if method != "GET":
        reader = Client(hub, hub.token({"administration": "read"}, login="course[bot]"))
        assert reader.send(method, path, body).status == 403
    assert hub.writes == []


def test_who_may_call_the_workflows(app, repository):
    assert app.send("GET", ACCESS).json == {"access_level": "none"}
    assert app.send("PUT", ACCESS, {"access_level": "organization"}).status == 204
    assert app.send("GET", ACCESS).json == {"access_level": "organization"}
    repository.private = False
    assert app.send("GET", ACCESS).status == 422


def test_without_a_forge_there_are_no_files(app):
    assert app.send("GET", f"{PATH}/contents/README.md").status == 404


def test_references_without_a_forge(hub, app, repository):
    repository.tag("submit/01", HEAD)
    matching = app.send("GET", f"{PATH}/git/matching-refs/tags/submit").json
    assert [each["ref"] for each in matching] == ["refs/tags/submit/01"]
    assert repository.commit_of("tags/submit/01") == HEAD
    given = {"ref": "refs/heads/feedback", "sha": HEAD}
    assert app.send("POST", f"{PATH}/git/refs", given).status == 201
    assert app.send("DELETE", f"{PATH}/git/refs/heads/feedback").status == 204
    repository.roles["ann"] = "read"
    ann = Client(hub, hub.token(MAY, login="ann"))
    assert refused(ann.send("POST", f"{PATH}/git/refs", given), 403,
                   "Must have push access to repository")  # fmt: skip


def test_what_was_pushed_comes_in_pages(app, repository):
    for number in range(3):
        repository.push("main", f"{number}" * 40)

    def shas(path):
        answer = app.send("GET", path)
        return [each["after"][0] for each in answer.json], answer.headers.get("link", "")

    found, link = shas(f"{PATH}/activity?per_page=3")
    assert found == ["2", "1", "0"]
    following = link.partition("<")[2].partition(">")[0]
    assert shas(following[following.index("/repos") :]) == (["a"], "")
    assert shas(f"{PATH}/activity?direction=asc&actor=ACME")[0] == ["a", "0", "1", "2"]
    assert shas(f"{PATH}/activity?ref=refs/heads/other") == ([], "")
    assert shas(f"{PATH}/activity?after=7") == ([], "")
    assert repository.pushed_at == app.send("GET", PATH).json["pushed_at"]
