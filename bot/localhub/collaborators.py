"""Collaborators of a repository, and the invitations that they must accept first."""

from __future__ import annotations

from bot.localhub.answers import Answer, ApiError
from bot.localhub.organisation import Organisation
from bot.localhub.payloads import PAGES, Payload, node_id
from bot.localhub.records import ROLES, Invitation, Role
from bot.localhub.repositories import READ_ADMINISTRATION, require_admin
from bot.localhub.routes import METADATA
from bot.localhub.routing import REPOSITORY, Call, invalid, missing, route
from bot.localhub.rulesets import ADMINISTRATION
from bot.localhub.state import Repository, User
from bot.localhub.tokens import Access, may_push

COLLABORATORS = REPOSITORY + "/collaborators"
COLLABORATOR = COLLABORATORS + "/{username}"
INVITATIONS = REPOSITORY + "/invitations"
INVITATION = INVITATIONS + "/{invitation_id}"
A_WEEK = 7 * 86_400
"""How many seconds an invitation is good for."""

READ = Access((*METADATA.permissions, "administration"), anonymous=False)

_GIVEN: dict[str, Role] = {
    "pull": "read",
    "triage": "triage",
    "push": "write",
    "maintain": "maintain",
    "admin": "admin",
}
_LEGACY = {"triage": "read", "maintain": "write"}
"""`permission` knows four levels; `role_name` has the whole truth."""


def _user(call: Call) -> User:
    return call.state.find_user(call.path["username"]) or missing()


def _organisation(call: Call) -> Organisation | None:
    return call.state.organisations.get(call.repository.owner.login.lower())


@route("PUT", COLLABORATOR, ADMINISTRATION)
def add_collaborator(call: Call) -> Answer:
    """Give somebody a role: at once if they are in already, else with an invitation."""
    require_admin(call)
    repository, user = call.repository, _user(call)
    given = call.body.get("permission", "push")
    if given not in _GIVEN:
        raise invalid("Repository", "permission")
    role = _GIVEN[given]
    if user is repository.owner:
        raise ApiError(422, "Repository owner cannot be a collaborator")
    organisation = _organisation(call)
    member = organisation is not None and user.login in organisation.members
    if organisation and member and ROLES.index(role) < ROLES.index(organisation.base_role):
        raise ApiError(422, f"Cannot assign {user.login} permission of {given}")
    if member or user.login in repository.roles:
        repository.roles[user.login] = role
        return Answer(204)
    invitation = _invitation_to(call, user, role)
    return Answer(201, _shown(call, invitation))


def _invitation_to(call: Call, user: User, role: Role) -> Invitation:
    repository, now = call.repository, call.state.seconds()
    open_already = any(
        each.invitee is user and each.expires > now for each in repository.invitations.values()
    )
    if not open_already and not call.limits.may_invite():
        # Documented as a 422; in which words is not.
        message = "You have exceeded the number of invitations you can send in 24 hours."
        raise invalid("Repository", "invitee", message)
    return repository.invite(user.login, role, call.user, expires=now + A_WEEK)


@route("DELETE", COLLABORATOR, ADMINISTRATION)
def remove_collaborator(call: Call) -> Answer:
    """Take the role away, and call back the invitations that they sent.

    As on GitHub, an invitation *to* them stays open: who was invited and is dropped can still
    accept, until somebody deletes the invitation.
    """
    require_admin(call)
    repository, user = call.repository, _user(call)
    repository.roles.pop(user.login, None)
    for each in list(repository.invitations.values()):
        if each.inviter is user:
            del repository.invitations[each.id]
    return Answer(204)


@route("GET", COLLABORATOR, READ)
def is_collaborator(call: Call) -> Answer:
    _require_push(call)
    user = call.state.users.get(call.path["username"].lower())
    return Answer(204) if user in _collaborators(call, "all") else missing()


@route("GET", COLLABORATORS, READ)
def list_collaborators(call: Call) -> Answer:
    """List who has a role; as on GitHub, owners and members of the organisation among them."""
    _require_push(call)
    users = _collaborators(call, call.query.get("affiliation", "all"))
    wanted = call.query.get("permission")
    if wanted:
        at_least = ROLES.index(_GIVEN[wanted])
        users = [user for user in users if ROLES.index(call.repository.role(user)) >= at_least]
    return call.pages(users, lambda user: _collaborator(call, user))


def _require_push(call: Call) -> None:
    assert call.token is not None
    if not may_push(call.token, call.repository):
        raise ApiError(403, "Must have push access to view repository collaborators.")


def _collaborators(call: Call, affiliation: str) -> list[User]:
    repository, organisation = call.repository, _organisation(call)
    members = organisation.members if organisation else {}
    logins = set(repository.roles)
    if affiliation == "outside":
        logins -= members.keys()
    elif affiliation == "all":
        everyone = organisation is not None and organisation.base_role != "none"
        logins |= {login for login, role in members.items() if everyone or role == "admin"}
        if organisation is None:
            logins.add(repository.owner.login)
    return [call.state.user(login) for login in sorted(logins, key=str.lower)]


@route("GET", COLLABORATOR + "/permission", READ)
def get_permission(call: Call) -> Answer:
    _require_push(call)
    user = _user(call)
    role = call.repository.role(user)
    payload = {
        "permission": _LEGACY.get(role, role),
        "role_name": role,
        "user": _collaborator(call, user),
    }
    return Answer(200, payload)


def _collaborator(call: Call, user: User) -> Payload:
    role = call.repository.role(user)
    at = ROLES.index(role)
    permissions = {name: at >= ROLES.index(level) for name, level in _GIVEN.items()}
    return {**call.payloads.user(user), "permissions": permissions, "role_name": role}


@route("GET", INVITATIONS, READ_ADMINISTRATION)
def list_invitations(call: Call) -> Answer:
    """List those that nobody has accepted, expired ones too."""
    require_admin(call)
    return call.pages(list(call.repository.invitations.values()), lambda each: _shown(call, each))


@route("PATCH", INVITATION, ADMINISTRATION)
def update_invitation(call: Call) -> Answer:
    require_admin(call)
    invitation = _invitation(call)
    invitation.role = call.body.get("permissions", invitation.role)
    return Answer(200, _shown(call, invitation))


@route("DELETE", INVITATION, ADMINISTRATION)
def delete_invitation(call: Call) -> Answer:
    require_admin(call)
    del call.repository.invitations[_invitation(call).id]
    return Answer(204)


def _invitation(call: Call) -> Invitation:
    return call.repository.invitations.get(call.number("invitation_id")) or missing()


def _shown(call: Call, invitation: Invitation) -> Payload:
    repository: Repository = call.repository
    return {
        "id": invitation.id,
        "node_id": node_id("RI", invitation.id),
        "repository": call.payloads.repository(repository),
        "invitee": call.payloads.user(invitation.invitee),
        "inviter": call.payloads.user(invitation.inviter),
        "permissions": invitation.role,
        "created_at": invitation.created_at,
        "expired": invitation.expires <= call.state.seconds(),
        "url": f"{call.payloads.api}/user/repository_invitations/{invitation.id}",
        "html_url": f"{PAGES}/{repository.full_name}/invitations",
    }
