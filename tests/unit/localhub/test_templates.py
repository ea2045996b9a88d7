"""Repositories made from a template, and the time in which they are empty, asked over HTTP."""

from __future__ import annotations

import http.client

import pytest

pytest.importorskip("openapi_core")

from tests.unit.localhub.conftest import HEAD, Client

GENERATE = "/repos/acme/template/generate"
ANN = "/repos/acme/course-ann"
MAIN = f"{ANN}/git/ref/heads/main"
GIVEN = {"owner": "acme", "name": "course-ann", "private": True}
MAY = {"administration": "write", "contents": "write"}
TAKEN = "Could not clone: Name already exists on this account"


@pytest.fixture
def template(hub):
    template = hub.repository("acme/template", private=True)
    template.is_template = True
    template.push("main", HEAD)
    template.push("solutions", "b" * 40)
    return template


@pytest.fixture
def app(hub, template):
    return Client(hub, hub.token(MAY, login="course[bot]"))


def refused(answer, status, message):
    assert (answer.status, answer.json["message"]) == (status, message)
    return True


def test_a_repository_is_made_with_a_commit_of_its_own(hub, template, app):
    made = app.send("POST", GENERATE, {**GIVEN, "description": "Ann's work"})
    assert made.status == 201
    assert made.headers["location"] == f"{hub.url}{ANN}"
    assert app.send("GET", ANN).json == made.json
    assert made.json["private"] is True
    assert made.json["is_template"] is False
    assert made.json["description"] == "Ann's work"
    assert made.json["template_repository"]["full_name"] == "acme/template"
    assert app.send("GET", "/repos/acme/template").json["is_template"] is True
    reference = app.send("GET", MAIN).json
    assert reference["ref"] == "refs/heads/main"
    assert len(reference["object"]["sha"]) == 40
    assert reference["object"]["sha"] != HEAD, "no history is shared with the template"
    assert hub.violations == []


def test_two_repositories_of_one_template_have_different_commits(hub, app):
    app.send("POST", GENERATE, GIVEN)
    app.send("POST", GENERATE, {**GIVEN, "name": "course-ben"})
    ann, ben = (hub.repository(f"acme/course-{name}").branches for name in ("ann", "ben"))
    assert ann.keys() == ben.keys() == {"main"}
    assert ann["main"] != ben["main"]


@pytest.mark.parametrize(("every", "branches"), [(False, {"main"}), (True, {"main", "solutions"})])
def test_other_branches_come_only_if_asked_for(hub, app, every, branches):
    app.send("POST", GENERATE, {**GIVEN, "include_all_branches": every})
    assert hub.repository("acme/course-ann").branches.keys() == branches


@pytest.mark.parametrize("takes", [0, 1, 3])
def test_it_is_empty_for_as_many_requests_as_the_hub_says(hub, app, takes):
    hub.template_takes = takes
    assert app.send("POST", GENERATE, GIVEN).status == 201
    for _ in range(takes):
        assert refused(app.send("GET", MAIN), 409, "Git Repository is empty.")
    assert app.send("GET", MAIN).status == 200
    for other in ("heads/relu", "tags/main", "main"):
        assert app.send("GET", f"{ANN}/git/ref/{other}").status == 404
    hub.repository("acme/course-ann").push("main", "d" * 40)
    assert app.send("GET", MAIN).json["object"]["sha"] == "d" * 40, "it is copied only once"
    assert hub.violations == []


def test_only_requests_to_the_new_repository_bring_it_forward(hub, app):
    hub.template_takes = 1
    app.send("POST", GENERATE, GIVEN)
    for _ in range(3):
        app.send("GET", "/repos/acme/template")
        # One that is not let in, and one that never reaches the hub's state.
        assert Client(hub).send("GET", ANN).status == 404
    hub.fail(1, 502)
    assert app.send("GET", MAIN).status == 502
    assert hub.repository("acme/course-ann").branches == {}
    assert app.send("GET", ANN).status == 200, "the repository itself answers at once"
    assert app.send("GET", MAIN).status == 200
    assert hub.violations == []


def test_what_the_template_gets_afterwards_is_not_copied(hub, template, app):
    hub.template_takes = 1
    app.send("POST", GENERATE, {**GIVEN, "include_all_branches": True})
    template.push("late", "c" * 40)
    for _ in range(2):
        app.send("GET", ANN)
    assert hub.repository("acme/course-ann").branches.keys() == {"main", "solutions"}


def test_after_a_lost_answer_the_repository_is_there_and_its_name_taken(hub, app):
    hub.template_takes = 1
    hub.drop_response_after_write(method="POST", path="/generate")
    with pytest.raises(http.client.RemoteDisconnected):
        app.send("POST", GENERATE, GIVEN)
    again = app.send("POST", GENERATE, GIVEN)
    assert refused(again, 422, TAKEN)
    assert again.json["errors"] == [TAKEN]
    assert app.send("GET", ANN).json["template_repository"]["full_name"] == "acme/template"
    assert app.send("GET", MAIN).status == 200
    assert len(hub.writes) == 1
    assert hub.violations == []


def test_a_failure_before_the_write_leaves_nothing(hub, app):
    hub.fail(1, 500, path="/generate")
    assert app.send("POST", GENERATE, GIVEN).status == 500
    assert app.send("GET", ANN).status == 404
    assert app.send("POST", GENERATE, GIVEN).status == 201


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "Name is too short (minimum is 1 character)"),
        ("  ", "Name is too short (minimum is 1 character)"),
        ("a" * 101, "Name is too long (maximum is 100 characters)"),
        ("Template", "Name already exists on this account"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused(hub, app, name, said):
    before = set(hub.state.repositories)
    answer = app.send("POST", GENERATE, {**GIVEN, "name": name})
    assert refused(answer, 422, f"Could not clone: {said}")
    assert set(hub.state.repositories) == before
    assert hub.violations == []


def test_what_a_name_may_not_hold_becomes_a_hyphen(app):
    made = app.send("POST", GENERATE, {**GIVEN, "name": "the course/ann_1.0"})
    assert made.json["full_name"] == "acme/the-course-ann_1.0"


def test_a_request_without_a_name_is_a_violation(hub, app):
    assert app.send("POST", GENERATE, {"owner": "acme"}).status == 422
    assert hub.violations


def test_what_is_no_template_is_not_found(hub, template, app):
    hub.repository("acme/course").push("main", HEAD)
    for path in ("/repos/acme/course/generate", "/repos/acme/nothing/generate"):
        assert refused(app.send("POST", path, GIVEN), 404, "Not Found")
    outsider = Client(hub, hub.token(MAY, login="eve"))
    assert refused(outsider.send("POST", GENERATE, {"name": "mine"}), 404, "Not Found")
    assert refused(Client(hub).send("POST", GENERATE, GIVEN), 404, "Not Found")
    template.private = False
    assert refused(Client(hub).send("POST", GENERATE, GIVEN), 401, "Requires authentication")
    assert hub.violations == []


def test_a_template_without_commits_cannot_be_used(hub, template, app):
    template.branches.clear()
    assert app.send("POST", GENERATE, GIVEN).status == 422
    assert app.send("GET", ANN).status == 404


def test_an_app_must_administer_and_read_a_private_template(hub, template):
    def tried(permissions, **settings):
        app = Client(hub, hub.token(permissions, login="course[bot]", **settings))
        return app.send("POST", GENERATE, GIVEN)

    by_app = "Resource not accessible by integration"
    assert refused(tried({"contents": "write"}), 403, by_app)
    assert refused(tried({**MAY, "administration": "read"}), 403, by_app)
    unseen = "Could not clone: template repository not found."
    assert refused(tried({"administration": "write"}), 422, unseen)
    narrow = tried(MAY, repository=template)
    assert refused(narrow, 403, by_app), "it could not see what it has made"
    template.private = False
    assert tried({"administration": "write"}).status == 201
    assert hub.violations == []


@pytest.mark.parametrize("owner", [None, "ben"])
def test_an_app_adds_to_no_account_but_the_templates(hub, app, owner):
    given = {"name": "course-ann", **({"owner": owner} if owner else {})}
    answer = app.send("POST", GENERATE, given)
    assert refused(answer, 403, "Resource not accessible by integration")
    assert hub.violations == []


def test_a_user_adds_to_an_organisation_only_as_its_admin(hub, template):
    template.roles |= {"ann": "read", "teacher": "admin"}
    ann, teacher = (Client(hub, hub.token(MAY, login=login)) for login in ("ann", "teacher"))
    need = "You need admin access to the organization before adding a repository to it."
    assert refused(ann.send("POST", GENERATE, GIVEN), 403, need)
    assert ann.send("POST", GENERATE, {"name": "mine"}).json["full_name"] == "ann/mine"
    assert teacher.send("POST", GENERATE, GIVEN).status == 201
    assert hub.repository("acme/course-ann").roles == {"teacher": "admin"}
    assert teacher.send("GET", MAIN).status == 200
    assert ann.send("GET", MAIN).status == 404
    assert hub.violations == []
