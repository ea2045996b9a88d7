"""An app signs, gets a token for an hour, and no more than it asked for and has."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

pytest.importorskip("openapi_core")

from bot.localhub import LocalHub
from tests.unit.localhub.conftest import Client

NOW = 2_000_000_000
HELD = {"administration": "write", "contents": "write", "members": "read"}


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key):
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@pytest.fixture
def clock():
    return [float(NOW)]


@pytest.fixture
def hub(clock):
    with LocalHub(clock=lambda: clock[0]) as hub:
        yield hub
        assert hub.violations == []


@pytest.fixture
def installation(hub, key):
    hub.repository("acme/course", private=True)
    hub.repository("acme/other", private=True)
    return hub.install("classroom", hub.organisation("acme"), HELD, pem(key))


@pytest.fixture
def signed(hub, installation, key):
    """A function that returns a client with the app's signature, with some claims changed."""

    def client(signer=key, **claims):
        given = {"iss": str(installation.app.id), "iat": NOW - 60, "exp": NOW + 540, **claims}
        return Client(hub, jwt.encode(given, signer, algorithm="RS256"))

    return client


@pytest.fixture
def asked(signed, installation):
    """A function that asks for a token."""

    def ask(**body):
        path = f"/app/installations/{installation.id}/access_tokens"
        return signed().send("POST", path, body)

    return ask


def test_the_installation_is_found_by_its_organisation(hub, signed, installation):
    found = signed().send("GET", "/orgs/acme/installation").json
    assert (found["id"], found["app_slug"]) == (installation.id, "classroom")
    assert found["permissions"] == {"metadata": "read", **HELD}
    assert signed().send("GET", "/orgs/nothing/installation").status == 404


def test_a_token_lives_an_hour(hub, asked, clock):
    made = asked()
    assert (made.status, made.json["expires_at"]) == (201, "2033-05-18T04:33:20Z")
    client = Client(hub, made.json["token"])
    assert client.send("GET", "/repos/acme/course").status == 200
    clock[0] += 3599
    assert client.send("GET", "/orgs/acme/members").status == 200
    clock[0] += 1
    late = client.send("GET", "/repos/acme/course")
    assert (late.status, late.json["message"]) == (401, "Bad credentials")


def test_a_token_is_narrowed(hub, asked):
    made = asked(permissions={"contents": "read", "metadata": "read"}, repositories=["course"])
    assert made.json["repository_selection"] == "selected"
    assert [each["name"] for each in made.json["repositories"]] == ["course"]
    client = Client(hub, made.json["token"])
    assert client.send("GET", "/repos/acme/course").status == 200
    assert client.send("GET", "/repos/acme/other").status == 404
    assert client.send("PATCH", "/repos/acme/course", {"description": "x"}).status == 403
    assert client.send("GET", "/orgs/acme/members").status == 403
    by_number = asked(repository_ids=[hub.repository("acme/other").id]).json
    assert [each["name"] for each in by_number["repositories"]] == ["other"]


def test_a_token_reaches_no_other_account(hub, asked):
    hub.repository("ben/mine", private=True)
    client = Client(hub, asked().json["token"])
    assert client.send("GET", "/repos/ben/mine").status == 404
    hub.organisation("elsewhere")
    assert client.send("GET", "/orgs/elsewhere/members").status == 403
    template = hub.repository("acme/template")
    template.is_template = True
    template.push("main", "a" * 40)
    path = "/repos/acme/template/generate"
    assert client.send("POST", path, {"owner": "acme", "name": "a"}).status == 201
    assert client.send("POST", path, {"owner": "elsewhere", "name": "a"}).status == 403


@pytest.mark.parametrize(
    "body",
    [
        {"permissions": {"members": "write"}},
        {"permissions": {"workflows": "write"}},
        {"permissions": {"metadata": "write"}},
        {"repositories": ["nothing"]},
        {"repository_ids": [1]},
    ],
)
def test_more_than_the_app_has_is_refused(asked, body):
    assert asked(**body).status == 422


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"exp": NOW - 1}, "must be a numeric value representing the future"),
        ({"exp": NOW + 3600}, "too far in the future"),
        ({"iat": NOW + 500}, "'Issued at' claim"),
    ],
)
def test_a_signature_is_good_for_ten_minutes(signed, claims, message):
    refused = signed(**claims).send("GET", "/orgs/acme/installation")
    assert refused.status == 401
    assert message in refused.json["message"]


def test_a_signature_must_be_the_apps(hub, signed, installation):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for client in (signed(other), Client(hub, "nonsense"), Client(hub), Client(hub, hub.token())):
        assert client.send("GET", "/orgs/acme/installation").status == 401
    assert signed(iss="1").send("GET", "/orgs/acme/installation").status == 404
    path = "/app/installations/1/access_tokens"
    assert signed().send("POST", path, {}).status == 404


def test_a_hub_keeps_no_private_key(hub, key):
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    with pytest.raises(ValueError, match="public key"):
        hub.install("classroom", hub.organisation("acme"), HELD, private)
