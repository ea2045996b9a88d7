"""What a class needs of GitHub, asked for by PyGithub: an app, students' repositories, git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("github")

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from github import Auth, Github, GithubIntegration

from bot.localhub import LocalHub

PERMISSIONS = {
    "administration": "write",
    "contents": "write",
    "pull-requests": "write",
    "members": "read",
    "organization-administration": "read",
}


def test_a_student_gets_a_repository_and_works_in_it(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with LocalHub(tmp_path / "forge") as hub:
        acme = hub.organisation("acme")
        acme.lock_down()
        acme.add("teacher", "admin")
        app = hub.install("classroom", acme, PERMISSIONS, public.decode()).app
        template = hub.repository("acme/template", private=True)
        template.is_template = True
        work = tmp_path / "work"
        _git(tmp_path, "clone", "-q", template.bare.address, "work")
        _commit(work, "relu.py", "def relu(x): ...\n")
        _git(work, "push", "-q", "origin", "HEAD:main")

        signs = GithubIntegration(
            auth=Auth.AppAuth(app.id, private), base_url=hub.url, seconds_between_requests=None
        )
        found = signs.get_org_installation("acme")
        token = signs.get_access_token(found.id, {"administration": "write", "contents": "write",
                                                  "pull_requests": "write"})  # fmt: skip
        github = Github(
            auth=Auth.Token(token.token),
            base_url=hub.url,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        organisation = github.get_organization("acme")
        assert organisation.login == "acme"
        made = organisation.create_repo_from_template(
            "course-ann", github.get_repo("acme/template"), private=True
        )
        invitation = made.add_to_collaborators("ann", "push")
        assert [each.id for each in made.get_pending_invitations()] == [invitation.id]
        hub.repository("acme/course-ann").accept("ann")
        assert made.has_in_collaborators("ann")

        ann = tmp_path / "ann"
        _git(tmp_path, "clone", "-q", made.clone_url, "ann")
        start = _git(ann, "rev-parse", "HEAD")
        made.create_git_ref("refs/heads/feedback", start)
        _commit(ann, "relu.py", "def relu(x): return max(x, 0)\n")
        _git(ann, "push", "-q", "origin", "HEAD:main")
        pull = made.create_pull(base="feedback", head="main", title="Feedback", body="Hello")
        assert pull.head.sha == _git(ann, "rev-parse", "HEAD")
        assert b"max" in made.get_contents("relu.py").decoded_content
        assert [each.number for each in made.get_pulls(state="all", base="feedback")] == [1]
        made.edit(name="course-anna")
        assert github.get_repo("acme/course-ann").name == "course-anna"
        github.close()
        signs.close()
        assert hub.violations == []


def _git(folder: Path, *arguments: str) -> str:
    person = ("-c", "user.name=Ann", "-c", "user.email=ann@example.invalid")
    done = subprocess.run(
        ["git", *person, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _commit(folder: Path, path: str, text: str) -> None:
    (folder / path).write_text(text)
    _git(folder, "add", path)
    _git(folder, "commit", "-q", "-m", f"Change {path}")
