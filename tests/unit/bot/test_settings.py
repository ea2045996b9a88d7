"""Every variable is checked, named, and never shows the token."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bot.events import decode
from bot.settings import EXPECTED, settings_from
from tests.conftest import ROOT
from tests.unit.bot.test_events import event
from tito.errors import TitoError

TOKEN = "ghs_secretsecret"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "event.json"
    file.write_bytes(event())
    return {
        "GITHUB_API_URL": "https://api.github.com/",
        "GITHUB_REPOSITORY": "acme/course",
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_EVENT_PATH": str(file),
    }


def test_the_rest_has_defaults(environment: dict[str, str]) -> None:
    found = settings_from(environment)
    assert found.api_url == "https://api.github.com"
    assert found.server_url == "https://github.com"
    assert found.author == "github-actions[bot]"
    assert found.event == decode(event())
    assert (found.seconds_between_requests, found.seconds_between_writes) == (0, 1)


def test_everything_can_be_set(environment: dict[str, str]) -> None:
    environment |= {
        "GITHUB_API_URL": "http://127.0.0.1:8000",
        "GITHUB_SERVER_URL": "https://github.acme.edu",
        "TITO_BOT_AUTHOR": "acme-course[bot]",
        "TITO_SECONDS_BETWEEN_REQUESTS": "0.5",
        "TITO_SECONDS_BETWEEN_WRITES": "0",
        "TITO_SECONDS_BEFORE_RETRY": "2",
        "TITO_LONGEST_WAIT": "90",
    }
    found = settings_from(environment)
    assert found.api_url == "http://127.0.0.1:8000"
    assert found.server_url == "https://github.acme.edu"
    assert found.author == "acme-course[bot]"
    assert (found.seconds_between_requests, found.seconds_between_writes) == (0.5, 0)
    assert (found.seconds_before_retry, found.longest_wait) == (2, 90)


def test_the_job_has_more_time_than_the_bot_waits(environment: dict[str, str]) -> None:
    text = (ROOT / ".github/workflows/report.yml").read_text(encoding="utf-8")
    minutes = yaml.safe_load(text)["jobs"]["report"]["timeout-minutes"]
    assert settings_from(environment).longest_wait <= minutes * 60 / 2


def test_the_token_is_never_shown(environment: dict[str, str]) -> None:
    assert TOKEN not in repr(settings_from(environment))
    environment["GITHUB_TOKEN"] = f"{TOKEN} {TOKEN}"
    with pytest.raises(TitoError) as caught:
        settings_from(environment)
    assert TOKEN not in caught.value.message


@pytest.mark.parametrize(
    "name", ["GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN", "GITHUB_EVENT_PATH"]
)
@pytest.mark.parametrize("value", [None, "", " \n"])
def test_what_is_missing_is_named(
    environment: dict[str, str], name: str, value: str | None
) -> None:
    del environment[name]
    if value is not None:
        environment[name] = value
    with pytest.raises(TitoError) as caught:
        settings_from(environment)
    assert caught.value.message == f"{name} is not set: it should hold {EXPECTED[name]}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_API_URL", "api.github.com"),
        ("GITHUB_API_URL", "http://api.github.com"),
        ("GITHUB_API_URL", "https://ann:secret@api.github.com"),
        ("GITHUB_API_URL", "https://api.github.com?x=1"),
        ("GITHUB_API_URL", "file:///etc/passwd"),
        ("GITHUB_API_URL", "https://"),
        ("GITHUB_SERVER_URL", "https://github.com/a) b"),
        ("GITHUB_REPOSITORY", "course"),
        ("GITHUB_REPOSITORY", "acme/.."),
        ("GITHUB_REPOSITORY", "acme/course/../x"),
        ("GITHUB_TOKEN", "short"),
        ("GITHUB_TOKEN", "ghs_two\nlines_of_it"),
        ("TITO_BOT_AUTHOR", "nobody at all"),
        ("TITO_SECONDS_BETWEEN_WRITES", "-1"),
        ("TITO_SECONDS_BETWEEN_WRITES", "nan"),
        ("TITO_SECONDS_BEFORE_RETRY", "601"),
        ("GITHUB_EVENT_PATH", "/nowhere/at/all.json"),
    ],
)
def test_what_is_malformed_is_named_with_what_it_should_hold(
    environment: dict[str, str], name: str, value: str
) -> None:
    environment[name] = value
    with pytest.raises(TitoError) as caught:
        settings_from(environment)
    assert caught.value.message.startswith(f"{name} cannot be used")
    assert caught.value.message.endswith(f"it should hold {EXPECTED[name]}")


def test_an_event_of_another_kind_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text("{}")
    with pytest.raises(TitoError, match=r"GITHUB_EVENT_PATH .*not a workflow_run event"):
        settings_from(environment)
