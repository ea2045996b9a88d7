"""The files of a pull request, and what its base has changed since."""

from __future__ import annotations

import pytest

pytest.importorskip("openapi_core")

from bot.localhub.routes import COMPARED_LIMIT, FILES_LIMIT
from tests.unit.localhub.conftest import HEAD, Client

FILES = "/repos/acme/course/pulls/1/files"
COMPARE = f"/repos/acme/course/compare/{HEAD}..."


def test_the_files_come_in_pages_with_the_names_they_had(hub, course, client):
    pull = course.pulls[1]
    pull.files = ["a b/ü.py", *(f"{number}.py" for number in range(40))]
    pull.renamed = {"a b/ü.py": "old.py"}
    first, second = (client.send("GET", f"{FILES}?page={page}").json for page in (1, 2))
    assert [each["filename"] for each in first + second] == pull.files
    assert (first[0]["status"], first[0]["previous_filename"]) == ("renamed", "old.py")
    assert "previous_filename" not in first[1]
    assert hub.violations == []


def test_no_more_files_are_listed_than_github_lists(course, client):
    course.pulls[1].files = [f"{number}.py" for number in range(FILES_LIMIT + 7)]
    last = FILES_LIMIT // 100
    assert len(client.send("GET", f"{FILES}?per_page=100&page={last}").json) == 100
    assert client.send("GET", f"{FILES}?per_page=100&page={last + 1}").json == []


def test_a_head_is_compared_with_its_base(hub, course, client):
    assert client.send("GET", COMPARE + "main").json["files"] == []
    course.pulls[1].base_files = [f"{number}.py" for number in range(COMPARED_LIMIT + 7)]
    answer = client.send("GET", COMPARE + "main").json
    assert len(answer["files"]) == COMPARED_LIMIT
    assert (answer["status"], answer["ahead_by"]) == ("diverged", 1)
    assert client.send("GET", COMPARE + "other").status == 404
    assert hub.violations == []


def test_a_base_is_compared_with_the_head(hub, course, client):
    pull = course.pulls[1]
    pull.files, pull.renamed = ["a.py", "b.py"], {"b.py": "old.py"}
    answer = client.send("GET", f"/repos/acme/course/compare/main...{HEAD}").json
    assert [each["filename"] for each in answer["files"]] == ["a.py", "b.py"]
    assert answer["files"][1]["previous_filename"] == "old.py"
    assert (answer["status"], answer["behind_by"]) == ("ahead", 0)
    pull.base_files = ["c.py"]
    answer = client.send("GET", f"/repos/acme/course/compare/main...{HEAD}").json
    assert (answer["status"], answer["behind_by"], len(answer["files"])) == ("diverged", 1, 2)
    assert hub.violations == []


def test_a_comparison_asks_for_the_right_to_read_contents(hub, course):
    course.private = True
    token = hub.token({"pull-requests": "read"}, repository=course)
    answer = Client(hub, token).send("GET", COMPARE + "main")
    assert (answer.status, answer.json["message"]) == (
        403,
        "Resource not accessible by integration",
    )
