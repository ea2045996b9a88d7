"""Collaborators and invitations: who is in at once, who must accept, and until when."""

from __future__ import annotations

import pytest

pytest.importorskip("openapi_core")

from bot.localhub.collaborators import A_WEEK
from tests.unit.localhub.conftest import Client
from tito.errors import UsageError

PATH = "/repos/acme/course-ann"
COLLABORATORS = f"{PATH}/collaborators"
ANN = f"{COLLABORATORS}/ann"
MAY = {"administration": "write"}


@pytest.fixture
def acme(hub):
    acme = hub.organisation("acme")
    acme.lock_down()
    acme.add("teacher", "admin")
    acme.add("tutor")
    return acme


@pytest.fixture
def clock(hub):
    times = [2_000_000_000.0]
    hub.state.clock = lambda: times[0]
    return times


@pytest.fixture
def repository(hub, acme):
    return hub.repository("acme/course-ann", private=True)


@pytest.fixture
def app(hub, repository):
    return Client(hub, hub.token(MAY, login="course[bot]"))


@pytest.fixture(autouse=True)
def true_to_the_description(hub):
    yield
    assert hub.violations == []


def names(client, query=""):
    return [each["login"] for each in client.send("GET", f"{COLLABORATORS}?{query}").json]


def test_who_is_invited_must_accept(app, repository):
    invited = app.send("PUT", ANN, {"permission": "push"})
    assert (invited.status, invited.json["permissions"]) == (201, "write")
    assert (invited.json["invitee"]["login"], invited.json["expired"]) == ("ann", False)
    assert app.send("GET", ANN).status == 404
    again = app.send("PUT", ANN, {"permission": "pull"})
    assert (again.status, again.json["id"]) == (201, invited.json["id"])
    assert again.json["permissions"] == "read"
    repository.accept("ann")
    assert app.send("GET", ANN).status == 204
    assert app.send("PUT", ANN, {"permission": "push"}).status == 204
    assert repository.roles == {"ann": "write"}
    assert app.send("GET", f"{PATH}/invitations").json == []
    with pytest.raises(UsageError, match="no open invitation"):
        repository.accept("ann")


def test_a_week_later_an_invitation_has_expired(app, repository, clock):
    first = app.send("PUT", ANN).json
    clock[0] += A_WEEK
    [listed] = app.send("GET", f"{PATH}/invitations").json
    assert (listed["id"], listed["expired"]) == (first["id"], True)
    with pytest.raises(UsageError, match="no open invitation"):
        repository.accept("ann")
    second = app.send("PUT", ANN).json
    assert second["id"] != first["id"]
    assert [each["id"] for each in app.send("GET", f"{PATH}/invitations").json] == [second["id"]]
    repository.accept("ann")


def test_an_invitation_is_changed_and_called_back(app, repository):
    number = app.send("PUT", ANN).json["id"]
    changed = app.send("PATCH", f"{PATH}/invitations/{number}", {"permissions": "triage"})
    assert changed.json["permissions"] == "triage"
    assert app.send("DELETE", ANN).status == 204
    assert repository.invitations, "removing somebody does not call back what was sent to them"
    assert app.send("DELETE", f"{PATH}/invitations/{number}").status == 204
    assert app.send("DELETE", f"{PATH}/invitations/{number}").status == 404
    assert repository.invitations == {}


def test_members_of_the_organisation_are_in_at_once(acme, app, repository):
    tutor = f"{COLLABORATORS}/tutor"
    assert app.send("PUT", tutor, {"permission": "maintain"}).status == 204
    assert repository.roles == {"tutor": "maintain"}
    acme.settings["default_repository_permission"] = "write"
    lower = app.send("PUT", tutor, {"permission": "pull"})
    assert (lower.status, lower.json["message"]) == (422, "Cannot assign tutor permission of pull")


def test_who_cannot_be_invited(app, hub, repository):
    assert app.send("PUT", f"{COLLABORATORS}/nobody").status == 404
    owner = app.send("PUT", f"{COLLABORATORS}/acme")
    assert owner.json["message"] == "Repository owner cannot be a collaborator"
    assert app.send("PUT", ANN, {"permission": "everything"}).status == 422
    assert repository.invitations == {}


def test_the_list_and_what_each_may(hub, acme, app, repository):
    repository.roles |= {"ann": "write", "tutor": "triage"}
    assert names(app) == ["ann", "teacher", "tutor"]
    assert names(app, "affiliation=outside") == ["ann"]
    assert names(app, "affiliation=direct") == ["ann", "tutor"]
    assert names(app, "permission=push") == ["ann", "teacher"]
    expected = {"ann": ("write", "write"), "tutor": ("read", "triage"), "eve": ("none", "none")}
    for login, levels in expected.items():
        seen = app.send("GET", f"{COLLABORATORS}/{login}/permission").json
        assert (seen["permission"], seen["role_name"]) == levels
    assert seen["user"]["permissions"] == dict.fromkeys(seen["user"]["permissions"], False)
    assert app.send("DELETE", ANN).status == 204
    assert names(app) == ["teacher", "tutor"]
    acme.settings["default_repository_permission"] = "read"
    acme.add("helper")
    assert "helper" in names(app)


def test_the_repository_of_a_user_has_its_owner(hub):
    hub.repository("ann/mine")
    ann = Client(hub, hub.token(MAY, login="ann"))
    seen = ann.send("GET", "/repos/ann/mine/collaborators").json
    assert [(each["login"], each["role_name"]) for each in seen] == [("ann", "admin")]


def test_users_need_the_right_to_push_or_to_administer(hub, repository):
    repository.roles |= {"ann": "read", "ben": "write"}
    ann, ben = (Client(hub, hub.token(MAY, login=login)) for login in ("ann", "ben"))
    assert ann.send("GET", COLLABORATORS).status == 403
    assert ben.send("GET", COLLABORATORS).status == 200
    for method, path in (("PUT", ANN), ("DELETE", ANN), ("GET", f"{PATH}/invitations")):
        assert ben.send(method, path).status == 403
    other = repository.invite("eve", "read", hub.state.user("ben"), expires=1e12)
    teacher = Client(hub, hub.token(MAY, login="teacher"))
    assert teacher.send("DELETE", f"{COLLABORATORS}/ben").status == 204
    assert other.id not in repository.invitations, "what they sent goes with them"
