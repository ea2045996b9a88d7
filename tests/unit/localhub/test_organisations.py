"""Organisations: settings, members, repositories, secrets, and who may see and change them."""

from __future__ import annotations

import pytest

pytest.importorskip("openapi_core")

from tests.unit.localhub.conftest import HEAD, Client
from tito.errors import UsageError

ORG = "/orgs/acme"
WRITE = {
    "administration": "write",
    "members": "read",
    "organization-administration": "write",
    "organization-secrets": "read",
    "organization-actions-variables": "read",
}
BY_APP = "Resource not accessible by integration"
BY_USER = "Resource not accessible by personal access token"
OWNER_ONLY = "Must be an organization owner to do that."


@pytest.fixture
def acme(hub):
    acme = hub.organisation("acme")
    acme.add("teacher", "admin")
    acme.add("tutor")
    return acme


@pytest.fixture
def teacher(hub, acme):
    return Client(hub, hub.token(WRITE, login="teacher"))


@pytest.fixture
def tutor(hub, acme):
    return Client(hub, hub.token(WRITE, login="tutor"))


@pytest.fixture
def app(hub, acme):
    return Client(hub, hub.token(WRITE, login="course[bot]"))


@pytest.fixture(autouse=True)
def true_to_the_description(hub):
    yield
    assert hub.violations == []


def refused(answer, status, message):
    assert (answer.status, answer.json["message"]) == (status, message)
    return True


def test_only_owners_see_the_settings(hub, acme, teacher, tutor, app):
    for client in (teacher, app):
        seen = client.send("GET", ORG).json
        assert seen["default_repository_permission"] == "read"
        assert seen["plan"]["name"] == "team"
    for client in (tutor, Client(hub), Client(hub, hub.token(login="teacher"))):
        seen = client.send("GET", ORG).json
        assert seen["type"] == "Organization"
        assert "default_repository_permission" not in seen
    assert teacher.send("GET", "/orgs/nothing").status == 404


def test_settings_are_changed_by_owners(acme, teacher, tutor, app):
    change = {"default_repository_permission": "none"}
    assert refused(tutor.send("PATCH", ORG, change), 403, OWNER_ONLY)
    assert teacher.send("PATCH", ORG, change).json["default_repository_permission"] == "none"
    creation = {"members_can_create_public_repositories": False}
    seen = app.send("PATCH", ORG, creation).json
    assert seen["members_allowed_repository_creation_type"] == "private"
    acme.lock_down()
    locked = teacher.send("GET", ORG).json
    assert locked["members_allowed_repository_creation_type"] == "none"
    assert locked["members_can_delete_repositories"] is False


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("PATCH", ORG, "organization-administration"),
        ("GET", f"{ORG}/members", "members"),
        ("GET", f"{ORG}/memberships/tutor", "members"),
        ("GET", f"{ORG}/actions/secrets", "organization-secrets"),
        ("GET", f"{ORG}/actions/variables", "organization-actions-variables"),
        ("POST", f"{ORG}/repos", "administration"),
    ],
)
def test_each_takes_its_permission(hub, acme, method, path, permission):
    body = {"POST": {"name": "x", "private": True}, "PATCH": {"name": "Acme"}}.get(method)
    lacking = {name: level for name, level in WRITE.items() if name != permission}
    for login, message in (("course[bot]", BY_APP), ("teacher", BY_USER)):
        client = Client(hub, hub.token(lacking, login=login))
        assert refused(client.send(method, path, body), 403, message)
        only = Client(hub, hub.token({permission: WRITE[permission]}, login=login))
        assert only.send(method, path, body and {**body, "name": login[:3]}).status < 300
    inside = hub.token(WRITE, login="course[bot]", repository=hub.repository("acme/a"))
    assert refused(Client(hub, inside).send(method, path, body), 403, BY_APP)
    assert refused(Client(hub).send(method, path, body), 401, "Requires authentication")
    nowhere = path.replace("acme", "nothing")
    assert Client(hub, hub.token(WRITE)).send(method, nowhere, body).status == 404


def test_members(acme, teacher, tutor, hub):
    members = tutor.send("GET", f"{ORG}/members").json
    assert [each["login"] for each in members] == ["teacher", "tutor"]
    owners = teacher.send("GET", f"{ORG}/members?role=admin").json
    assert [each["login"] for each in owners] == ["teacher"]
    membership = teacher.send("GET", f"{ORG}/memberships/teacher").json
    assert (membership["role"], membership["state"]) == ("admin", "active")
    assert teacher.send("GET", f"{ORG}/memberships/eve").status == 404
    stranger = Client(hub, hub.token(WRITE, login="eve"))
    assert refused(stranger.send("GET", f"{ORG}/members"), 403, OWNER_ONLY)


def test_a_list_holds_what_the_token_may_see(hub, acme, teacher, app):
    for name, private in (("c", True), ("a", False), ("b", True)):
        hub.repository(f"acme/{name}", private=private)
    hub.repository("other/d")
    hub.repository("acme/c").push("main", HEAD)

    def names(client, query=""):
        return [each["name"] for each in client.send("GET", f"{ORG}/repos?{query}").json]

    assert names(teacher) == ["b", "a", "c"], "the newest first"
    assert names(app, "sort=full_name") == ["a", "b", "c"]
    assert names(app, "sort=pushed") == ["c", "b", "a"]
    assert names(teacher, "type=private&direction=asc") == ["c", "b"]
    assert names(teacher, "type=forks") == []
    assert names(teacher, "type=sources&per_page=1&page=3") == ["c"]
    acme.lock_down()
    assert names(Client(hub)) == names(Client(hub, hub.token(login="tutor"))) == ["a"]
    narrow = hub.token(login="course[bot]", repository=hub.repository("acme/b"))
    assert names(Client(hub, narrow)) == ["b", "a"]
    assert teacher.send("GET", "/orgs/nothing/repos").status == 404


def test_the_base_permission_is_every_members(hub, acme):
    repository = hub.repository("acme/c", private=True)
    tutor, teacher, eve = (hub.state.user(login) for login in ("tutor", "teacher", "eve"))
    assert [repository.role(each) for each in (tutor, teacher, eve)] == ["read", "admin", "none"]
    acme.lock_down()
    assert repository.role(tutor) == "none"
    repository.roles["tutor"] = "triage"
    assert repository.role(tutor) == "triage"


def test_a_repository_is_made(hub, teacher, tutor, app):
    given = {"name": "the course", "private": True, "description": "x", "is_template": True}
    made = teacher.send("POST", f"{ORG}/repos", {**given, "has_wiki": False})
    assert (made.status, made.json["full_name"]) == (201, "acme/the-course")
    assert made.headers["location"].endswith("/repos/acme/the-course")
    assert (made.json["is_template"], made.json["has_wiki"]) == (True, False)
    again = teacher.send("POST", f"{ORG}/repos", given)
    assert refused(again, 422, "Repository creation failed.")
    assert again.json["errors"][0]["message"] == "name already exists on this account"
    for name in (" ", "a" * 101):
        assert teacher.send("POST", f"{ORG}/repos", {"name": name}).status == 422
    mine = tutor.send("POST", f"{ORG}/repos", {"name": "mine", "visibility": "public"})
    assert mine.json["private"] is False
    assert hub.repository("acme/mine").roles == {"tutor": "admin"}
    started = app.send("POST", f"{ORG}/repos", {"name": "begun", "auto_init": True})
    assert started.status == 201
    assert hub.repository("acme/begun").branches.keys() == {"main"}


def test_members_make_only_what_they_may(acme, tutor):
    acme.settings["members_can_create_public_repositories"] = False
    need = "You need admin access to the organization before adding a repository to it."
    assert refused(tutor.send("POST", f"{ORG}/repos", {"name": "a"}), 403, need)
    assert tutor.send("POST", f"{ORG}/repos", {"name": "a", "private": True}).status == 201
    acme.lock_down()
    private = {"name": "b", "private": True}
    assert refused(tutor.send("POST", f"{ORG}/repos", private), 403, need)


def test_secrets_and_variables(acme, app):
    acme.secret("KEY")
    acme.secret("OTHER", "selected")
    acme.variable("TERM", "spring", "private")
    secrets = app.send("GET", f"{ORG}/actions/secrets").json
    assert [each["visibility"] for each in secrets["secrets"]] == ["all", "selected"]
    assert secrets["total_count"] == 2
    assert "value" not in secrets["secrets"][0]
    [variable] = app.send("GET", f"{ORG}/actions/variables").json["variables"]
    assert (variable["value"], variable["visibility"]) == ("spring", "private")


def test_a_user_has_a_number_that_stays(hub, acme, teacher):
    ann = hub.state.user("Ann")
    repository = hub.repository("acme/c", private=True)
    own = hub.repository("Ann/mine")
    repository.roles["Ann"] = "write"
    acme.add("Ann")
    assert hub.state.rename_user("ann", "anna") is ann
    seen = teacher.send("GET", f"/user/{ann.id}").json
    assert (seen["login"], seen["id"]) == ("anna", ann.id)
    assert teacher.send("GET", "/users/ANNA").json["id"] == ann.id
    assert (repository.roles, acme.members["anna"]) == ({"anna": "write"}, "member")
    assert teacher.send("GET", "/repos/Ann/mine").status == 301
    assert hub.state.find("anna", "mine") is own
    assert teacher.send("GET", "/user/1").status == 404
    assert repr(repository) == "Repository(acme/c)"
    for old, new in (("nobody-yet", "x"), ("anna", "teacher")):
        with pytest.raises(UsageError, match="cannot become"):
            hub.state.rename_user(old, new)


def test_whoever_was_not_made_is_nobody_if_the_hub_says_so(hub, teacher):
    assert teacher.send("GET", "/users/somebody").status == 200
    hub.state.everybody_exists = False
    assert teacher.send("GET", "/users/teacher").status == 200
    assert teacher.send("GET", "/users/stranger").status == 404


def test_a_template_is_used_for_an_organisation_by_its_members(hub, acme, teacher, tutor):
    template = hub.repository("acme/template")
    template.is_template = True
    template.push("main", HEAD)
    generate = "/repos/acme/template/generate"
    assert teacher.send("POST", generate, {"owner": "acme", "name": "a"}).status == 201
    assert tutor.send("POST", generate, {"owner": "acme", "name": "b"}).status == 201
    acme.lock_down()
    assert tutor.send("POST", generate, {"owner": "acme", "name": "c"}).status == 403
    assert teacher.send("POST", generate, {"owner": "acme", "name": "c"}).status == 201
