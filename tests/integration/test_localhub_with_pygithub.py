"""PyGithub, the client that the bot uses, against the local GitHub over real HTTP."""

# ruff: noqa: E402 (what needs a tool is imported once the tool is known to be there)

from __future__ import annotations

import io
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("openapi_core")
github = pytest.importorskip("github")

from bot.localhub import LocalHub
from bot.localhub.state import Repository
from bot.localhub.tokens import READ_ONLY

HEAD = "a" * 40


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub() as hub:
        yield hub


@pytest.fixture
def course(hub: LocalHub) -> Repository:
    """A repository with one pull request from a fork."""
    course = hub.repository("acme/course")
    course.pull_request(head_sha=HEAD, branch="relu", head_repository="ann/course")
    return course


@pytest.fixture
def clients() -> Iterator[list]:
    clients: list = []
    yield clients
    for client in clients:
        client.close()


@pytest.fixture
def client(hub: LocalHub, course: Repository, clients: list):
    return connected(hub, clients, hub.token(repository=course))


def connected(hub: LocalHub, clients: list, token: str, **settings):
    settings = {"per_page": 100, "retry": None} | settings
    clients.append(
        github.Github(
            base_url=hub.url,
            auth=github.Auth.Token(token),
            seconds_between_requests=0,
            seconds_between_writes=0,
            **settings,
        )
    )
    return clients[-1]


@pytest.mark.slow
def test_three_hundred_comments_are_written_edited_deleted_and_listed(hub, course, client):
    pull = client.get_repo("acme/course").get_pull(1)
    made = [pull.create_issue_comment(f"comment {number}") for number in range(300)]
    made[7].edit("edited")
    made[8].delete()

    listed = list(pull.get_issue_comments())

    assert len(listed) == 299
    assert [comment.id for comment in listed] == sorted(comment.id for comment in listed)
    assert listed[7].body == "edited"
    assert listed[7].updated_at > listed[7].created_at
    assert listed[8].body == "comment 9"
    assert {comment.user.login for comment in listed} == {"github-actions[bot]"}
    assert [comment.body for comment in course.comments(1)] == [each.body for each in listed]
    pages = [path for method, path in hub.requests if (method, path[-9:]) == ("GET", "/comments")]
    assert len(pages) == 3
    assert hub.violations == []


def test_a_lazy_client_asks_for_nothing_but_what_is_needed(hub, course, clients):
    client = connected(hub, clients, hub.token(), lazy=True)
    pulls = client.get_repo("acme/course").get_pulls(state="open", head="ann:relu")
    assert [pull.head.sha for pull in pulls] == [HEAD]
    assert hub.requests == [("GET", "/repos/acme/course/pulls")]


def test_total_count_comes_from_the_link_header(hub, course, clients):
    for number in range(45):
        course.comment(1, f"{number}", "ann")
    client = connected(hub, clients, hub.token(), per_page=10)
    comments = client.get_repo("acme/course").get_pull(1).get_issue_comments()
    assert comments.totalCount == 45
    assert comments[44].body == "44"
    assert hub.violations == []


def test_pull_requests_are_found_by_head_and_state(hub, course, client):
    same = course.pull_request(head_sha="b" * 40, branch="relu")
    second = course.pull_request(head_sha=HEAD, branch="relu", head_repository="ann/course")
    course.pull_request(head_sha="c" * 40, branch="gone", head_repository=None)
    repository = client.get_repo("acme/course")

    def numbers(**filters):
        return [pull.number for pull in repository.get_pulls(**filters)]

    assert numbers(head="ann:relu") == [3, 1]
    assert numbers(head="acme:relu") == [same.number]
    assert numbers(head="relu") == [4, 3, 2, 1], "without an owner the filter is ignored"
    second.close(merged=True)
    assert numbers(state="open", head="ann:relu") == [1]
    assert numbers(state="all", head="ann:relu", direction="asc") == [1, 3]
    assert numbers(state="closed") == [3]
    assert repository.get_pull(1).head.repo.full_name == "ann/course"
    assert repository.get_pull(4).head.repo is None
    assert repository.get_pull(3).merged
    assert hub.violations == []


def test_a_commit_of_a_fork_shows_no_pull_request(hub, course, client):
    course.pull_request(head_sha="b" * 40, branch="other")
    repository = client.get_repo("acme/course")

    def pulls(sha):
        url = f"{repository.url}/commits/{sha}/pulls"
        return client.requester.requestJsonAndCheck("GET", url)[1]

    assert pulls(HEAD) == []
    assert [pull["number"] for pull in pulls("b" * 40)] == [2]
    assert hub.violations == []


def test_a_push_moves_the_head_of_open_pull_requests(hub, course, client):
    second = course.pull_request(head_sha=HEAD, branch="relu", head_repository="ann/course")
    second.close()
    course.pulls[1].push("d" * 40)
    repository = client.get_repo("acme/course")
    assert repository.get_pull(1).head.sha == "d" * 40
    assert repository.get_pull(1).commits == 2
    assert repository.get_pull(2).head.sha == HEAD
    assert hub.violations == []


def test_statuses_and_the_combined_status(hub, course, client):
    course.push("main", HEAD)
    url = client.get_repo("acme/course").url

    def post(state, context):
        body = {"state": state, "context": context, "description": "x" * 140}
        client.requester.requestJsonAndCheck("POST", f"{url}/statuses/{HEAD}", input=body)

    def combined(reference):
        return client.requester.requestJsonAndCheck("GET", f"{url}/commits/{reference}/status")[1]

    assert combined(HEAD)["state"] == "pending"
    post("success", "tito/export")
    assert combined(HEAD)["state"] == "success"
    post("pending", "tito/verdict")
    assert combined(HEAD)["state"] == "pending"
    post("error", "tito/verdict")
    answer = combined("heads/main")
    assert answer["state"] == "failure"
    assert answer["total_count"] == 2
    assert [each.state for each in course.statuses(HEAD)] == ["success", "pending", "error"]
    listed = client.requester.requestJsonAndCheck("GET", f"{url}/commits/{HEAD}/statuses")[1]
    assert [each["state"] for each in listed] == ["error", "pending", "success"]
    assert listed[0]["creator"]["type"] == "Bot"
    assert hub.violations == []


def test_runs_jobs_and_artifacts(hub, course, client):
    run = course.workflow_run(head_sha=HEAD, branch="relu", head_repository="ann/course", attempt=2)
    run.job("verdict", "failure", attempt=1)
    run.job("verdict", "success")
    run.job("integration", None)
    artifact = run.artifact("tito-report", b'{"gates": []}')
    seen = client.get_repo("acme/course").get_workflow_run(run.id)
    assert (seen.conclusion, seen.run_attempt, seen.event) == ("success", 2, "pull_request")
    assert seen.head_repository.full_name == "ann/course"
    assert seen.pull_requests == [], "GitHub lists no pull request of a fork"
    latest = [(job.name, job.conclusion) for job in seen.jobs()]
    assert latest == [("verdict", "success"), ("integration", None)]
    assert [job.conclusion for job in seen.jobs("all")] == ["failure", "success", None]
    _, first = client.requester.requestJsonAndCheck("GET", f"{seen.url}/attempts/1/jobs")
    assert [job["conclusion"] for job in first["jobs"]] == ["failure"]
    found = list(seen.get_artifacts())
    assert [(each.name, each.id) for each in found] == [("tito-report", artifact.id)]
    assert found[0].size_in_bytes == len(artifact.archive)
    assert hub.violations == []


def test_a_run_of_the_same_repository_names_its_pull_request(hub, course, client):
    course.pull_request(head_sha="b" * 40, branch="relu")
    course.pull_request(head_sha="b" * 40, branch="other")
    course.pull_request(head_sha="b" * 40, branch="relu", base="next").close()
    run = course.workflow_run(head_sha="b" * 40, branch="relu", conclusion=None)
    seen = client.get_repo("acme/course").get_workflow_run(run.id)
    assert [pull.number for pull in seen.pull_requests] == [2]
    assert (seen.status, seen.conclusion) == ("in_progress", None)
    assert hub.violations == []


def test_an_archive_is_fetched_from_another_host_without_the_token(hub, course):
    artifact = course.workflow_run(head_sha=HEAD, branch="relu").artifact("tito-report", b"{}")
    request = urllib.request.Request(
        f"{hub.url}/repos/acme/course/actions/artifacts/{artifact.id}/zip",
        headers={"Authorization": f"Bearer {hub.token()}"},
    )

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_arguments):
            return None

    with pytest.raises(urllib.error.HTTPError) as redirected:
        urllib.request.build_opener(Stay).open(request)
    redirected.value.close()
    assert redirected.value.code == 302
    address = redirected.value.headers["Location"]
    assert "127.0.0.1" not in address
    with urllib.request.urlopen(address) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    assert archive.namelist() == ["report.json"]
    assert archive.read("report.json") == b"{}"
    for wrong in (
        urllib.request.Request(address, headers={"Authorization": "Bearer x"}),
        address.replace("sig=", "sig=x"),
        address.replace(".zip", "0.zip"),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(wrong)
        refused.value.close()
        assert refused.value.code in (401, 404)
    assert hub.violations == []


def test_the_token_of_a_fork_reads_and_does_not_write(hub, course, clients):
    client = connected(hub, clients, hub.token(READ_ONLY, repository=course))
    pull = client.get_repo("acme/course").get_pull(1)
    with pytest.raises(github.GithubException) as refused:
        pull.create_issue_comment("hello")
    assert refused.value.status == 403
    assert refused.value.data["message"] == "Resource not accessible by integration"
    assert refused.value.data["status"] == "403"
    assert course.comments(1) == []
    assert hub.violations == []


def test_who_a_token_is(hub, course, clients, client):
    ann = connected(hub, clients, hub.token(login="ann"))
    assert ann.get_user().login == "ann"
    with pytest.raises(github.GithubException) as refused:
        client.get_user().id  # noqa: B018 (the attribute is what asks)
    assert refused.value.status == 403
    assert ann.get_rate_limit().rate.limit == 5_000
    with pytest.raises(github.BadCredentialsException):
        connected(hub, clients, "made-up").get_user().id  # noqa: B018
    assert hub.violations == []


def test_several_clients_at_once_lose_nothing(hub, course, clients):
    def write(number):
        client = connected(hub, clients, hub.token(repository=course))
        pull = client.get_repo("acme/course").get_pull(1)
        for count in range(10):
            pull.create_issue_comment(f"{number} {count}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    written = course.comments(1)
    assert {comment.body for comment in written} == {
        f"{a} {b}" for a in range(8) for b in range(10)
    }
    assert len({comment.id for comment in written}) == 80
    assert hub.violations == []


def test_failures_on_request_are_seen_by_retrying_clients(hub, course, clients):
    retry = github.GithubRetry(total=3, backoff_factor=0, allowed_methods={"GET"})
    client = connected(hub, clients, hub.token(), retry=retry)
    hub.fail(2, 502, method="GET", path="/pulls/")
    assert client.get_repo("acme/course").get_pull(1).number == 1
    assert len(hub.requests) == 4
    hub.fail(1, 503, method="POST")
    with pytest.raises(github.GithubException) as failed:
        client.get_repo("acme/course").get_pull(1).create_issue_comment("x")
    assert failed.value.status == 503
    assert course.comments(1) == []
    assert hub.violations == []


def test_a_write_whose_answer_is_lost_has_happened(hub, course, client):
    requests = pytest.importorskip("requests")
    pull = client.get_repo("acme/course").get_pull(1)
    hub.drop_response_after_write()
    assert pull.get_issue_comments().totalCount == 0, "reading is not dropped"
    with pytest.raises(requests.exceptions.ConnectionError):
        pull.create_issue_comment("written all the same")
    assert [comment.body for comment in pull.get_issue_comments()] == ["written all the same"]
    assert hub.violations == []


@pytest.fixture
def template(hub: LocalHub) -> Repository:
    template = hub.repository("acme/template", private=True)
    template.is_template = True
    template.push("main", HEAD)
    return template


MAY_CREATE = {"administration": "write", "contents": "read"}


def test_a_repository_made_from_a_template_is_waited_for(hub, template, clients):
    hub.template_takes = 2
    client = connected(hub, clients, hub.token(MAY_CREATE, login="course[bot]"))
    # Made from its login, because the hub knows no addresses of organisations.
    acme = github.Organization.Organization(
        client.requester, attributes={"login": "acme"}, completed=True
    )
    given = client.get_repo("acme/template")
    assert given.is_template
    made = acme.create_repo_from_template("course-ann", given, description="Ann's", private=True)
    assert (made.full_name, made.private, made.description) == ("acme/course-ann", True, "Ann's")
    assert made.template_repository.full_name == "acme/template"
    refusals = []
    for _ in range(10):
        try:
            found = made.get_git_ref(f"heads/{made.default_branch}").object
            break
        except github.GithubException as error:
            refusals.append((error.status, error.message))
    assert refusals == [(409, "Git Repository is empty.")] * 2
    assert found.type == "commit"
    assert found.sha == hub.repository("acme/course-ann").branches["main"]
    assert hub.violations == []


def test_a_user_who_loses_the_answer_finds_the_repository_and_its_name_taken(
    hub, template, clients
):
    template.roles["ann"] = "read"
    client = connected(hub, clients, hub.token(MAY_CREATE, login="ann"))
    given, ann = client.get_repo("acme/template"), client.get_user()
    hub.drop_response_after_write(path="/generate")
    with pytest.raises(Exception, match="Connection aborted"):
        ann.create_repo_from_template("mine", given)
    with pytest.raises(github.GithubException, match="Name already exists") as caught:
        ann.create_repo_from_template("mine", given)
    assert caught.value.status == 422
    assert client.get_repo("ann/mine").template_repository.full_name == "acme/template"
    assert hub.violations == []
