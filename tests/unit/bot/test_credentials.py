"""Who the commands are, and what goes wrong with it. No error repeats what is secret."""

from __future__ import annotations

import pytest

from bot.clock import REAL
from bot.credentials import PERMISSIONS, App, Minted, credentials_from, token_for
from bot.settings import organisation_access_from
from tito.errors import TitoError

KEY = "-----BEGIN RSA PRIVATE KEY-----\nnot a key\n-----END RSA PRIVATE KEY-----"
ACCESS = organisation_access_from({"GITHUB_API_URL": "http://127.0.0.1:1"}, "acme", "")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "no credentials"),
        ({"GITHUB_TOKEN": "short"}, "no credentials"),
        ({"GITHUB_TOKEN": "two words of it"}, "no credentials"),
        ({"TITO_APP_ID": "1"}, "TITO_APP_KEY should hold"),
        ({"TITO_APP_ID": "1", "TITO_APP_KEY": "secret"}, "TITO_APP_KEY should hold"),
        ({"TITO_APP_KEY": KEY}, "TITO_APP_ID should hold"),
        ({"TITO_APP_ID": "a b", "TITO_APP_KEY": KEY}, "TITO_APP_ID should hold"),
    ],
)
def test_what_cannot_be_used_is_said(environment: dict[str, str], message: str) -> None:
    with pytest.raises(TitoError, match=message) as caught:
        credentials_from(environment)
    assert not any(value in str(caught.value) for value in environment.values() if len(value) > 3)


def test_a_token_is_taken_as_it_is() -> None:
    credentials = credentials_from({"GITHUB_TOKEN": "ghs_local_0001"})
    assert "ghs_local_0001" not in repr(credentials)
    assert token_for("look", credentials, ACCESS, "acme")() == "ghs_local_0001"


def test_a_key_that_is_none_is_said_without_it() -> None:
    credentials = credentials_from({"TITO_APP_ID": "1", "TITO_APP_KEY": KEY})
    assert "not a key" not in repr(credentials)
    with pytest.raises(TitoError, match="no private key that can be read") as caught:
        token_for("provision", credentials, ACCESS, "acme")()
    assert "not a key" not in caught.value.message + caught.value.hint


def test_who_only_looks_asks_for_nothing_to_write() -> None:
    assert set(PERMISSIONS["look"].values()) == {"read"}
    assert set(PERMISSIONS["collect"].values()) == {"read"}
    assert Minted(App("1", KEY), ACCESS, "acme", PERMISSIONS["look"], REAL)._permissions
