"""The local GitHub as one object: its state, what it saw, and the answer to a request."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

# These enter their endpoints into the table.
import bot.localhub.checks
import bot.localhub.collaborators
import bot.localhub.environments
import bot.localhub.labels
import bot.localhub.opening
import bot.localhub.organisations
import bot.localhub.references
import bot.localhub.repositories
import bot.localhub.rulesets
import bot.localhub.templates  # noqa: F401
from bot.localhub.answers import DOCUMENTATION, Answer, ApiError, Message
from bot.localhub.apps import App, Installation, Tokens, public_key
from bot.localhub.check import Match, shared
from bot.localhub.faults import Faults
from bot.localhub.forge import Forge
from bot.localhub.limits import Limits
from bot.localhub.payloads import Payload, Payloads
from bot.localhub.repositories import archived
from bot.localhub.routes import signature
from bot.localhub.routing import ROUTES, Call, Route
from bot.localhub.server import Server
from bot.localhub.state import (
    WORKFLOW_LOGIN,
    Organisation,
    PullRequest,
    Repository,
    State,
    WorkflowRun,
)
from bot.localhub.tokens import ALL, Level, Token, check

STORAGE = "/-/storage"
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Write:
    """A request that has changed something."""

    method: str
    path: str
    body: Any


class LocalHub:
    """A GitHub on 127.0.0.1, for as long as a `with` block lasts.

    `requests` lists method and path of every request to the API, `writes` those that changed
    something, `violations` every breach of GitHub's description, by a request or by an answer of
    the hub's own, `pressed` every request that came while a limit said to wait. A repository made
    from a template stays empty for its first `template_takes` requests.

    With a folder as `forge`, each repository has a bare git repository `<owner>/<name>.git` in
    it, which `clone_url` names; what is pushed there is seen at once. With a `clock`, in seconds
    since 1970, all times and limits follow it. `checked=False` leaves GitHub's description
    unasked: a simulation sends tens of thousands of requests, and each takes milliseconds to check.
    """

    def __init__(
        self,
        forge: Path | None = None,
        *,
        clock: Callable[[], float] | None = None,
        checked: bool = True,
    ) -> None:
        self.state = State(Forge(forge) if forge else None, clock)
        self.checked = checked
        self.requests: list[tuple[str, str]] = []
        self.writes: list[Write] = []
        self.violations: list[str] = []
        self.description = shared()
        self._faults = Faults()
        self.fail = self._faults.fail
        self.drop_response_after_write = self._faults.drop_response_after_write
        self.before = self._faults.before
        self.meet = self._faults.meet
        self.after_write = self._faults.after_write
        self.fail_request = self._faults.fail_request
        self.mend = self._faults.mend
        self.limits = Limits(clock or time.time)
        self.rate_limit = self.limits.rate_limit
        self.pressed = self.limits.pressed
        self.template_takes = 0
        self._tokens = Tokens(lambda: self.limits.clock())
        self._lock = threading.Lock()
        self._server = Server(self)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.payloads = Payloads(self.url)
        # By name and not by number, because a client must take it for another host.
        self._storage = f"http://localhost:{self._server.port}{STORAGE}"

    def __enter__(self) -> LocalHub:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop()

    @property
    def clock(self) -> Callable[[], float]:
        """The time by which limits and tokens end; once set, all other times follow it too."""
        return self.limits.clock

    @clock.setter
    def clock(self, clock: Callable[[], float]) -> None:
        self.limits.clock = self.state.clock = clock

    def repository(
        self, full_name: str, *, private: bool = False, fork_of: Repository | None = None
    ) -> Repository:
        """Return the repository `owner/name`, made when first asked for."""
        return self.state.repository(full_name, private=private, fork_of=fork_of)

    def token(
        self,
        permissions: Mapping[str, Level] = ALL,
        *,
        login: str = WORKFLOW_LOGIN,
        repository: Repository | None = None,
        value: str = "",
    ) -> str:
        """Return a new token of `login`, with permissions named as in a workflow.

        A workflow's token has one repository; None is every repository. `tokens.READ_ONLY` is
        what the workflow of a fork's pull request holds.
        """
        value = value or f"ghs_local_{len(self._tokens):04}"
        return self._tokens.add(Token(value, self.state.user(login), permissions, repository))

    def organisation(self, login: str, *, plan: str = "team") -> Organisation:
        """Return the organisation of that name, made when first asked for."""
        return self.state.organisation(login, plan=plan)

    def install(
        self, slug: str, organisation: Organisation, permissions: Mapping[str, Level], key: str
    ) -> Installation:
        """Install a new app in an organisation; `key` is its public key, in PEM.

        Its tokens are made over HTTP, live an hour and hold none but these permissions.
        """
        user = self.state.user(f"{slug}[bot]")
        app = App(self.state.next_id(), user, permissions, public_key(key))
        made = Installation(self.state.next_id(), app, organisation, self.state.now())
        self._tokens.installations[made.id] = made
        return made

    def workflow_run_event(self, run: WorkflowRun) -> Payload:
        """Return the event that starts a `workflow_run` workflow after `run`."""
        return {
            "action": "completed" if run.conclusion else "in_progress",
            "workflow_run": self.payloads.run(run),
            "repository": self.payloads.whole_repository(run.repository),
            "sender": self.payloads.user(run.head_repository.owner),
        }

    def pull_request_event(self, pull: PullRequest, action: str = "opened") -> Payload:
        """Return the event that starts a `pull_request` workflow."""
        return {
            "action": action,
            "number": pull.number,
            "pull_request": self.payloads.whole_pull(pull),
            "repository": self.payloads.whole_repository(pull.repository),
            "sender": self.payloads.user(pull.author),
        }

    def answer(self, method: str, target: str, request: Message) -> Message | None:
        """Answer a request; None hangs up. One request at a time."""
        path, _, query = target.partition("?")
        self._faults.come_between(method, path)
        with self._lock:
            if path.startswith(STORAGE):
                return self._from_storage(path, query, request)
            self.requests.append((method, path))
            before = len(self.writes)
            failure, lost = self._faults.next_request()
            message = self._replied(method, path, query, request, failure)
            written = len(self.writes) > before
            due = self._faults.next_actions() if written else []
        for action in due:
            action()
        return None if lost and not failure else message

    def _replied(
        self, method: str, path: str, query: str, request: Message, failure: Answer | None
    ) -> Message | None:
        refusal = (
            self.limits.refusal(method, path) or failure or self._faults.next_failure(method, path)
        )
        if refusal:
            return self._message(refusal, request)
        match = self.description.match(method, self._named(path))
        if match is None:
            self.violations.append(f"{method} {path}: no such endpoint here")
            return self._message(ApiError(501, "Not implemented here").answer(), request)
        return self._answered(match, path, query, request)

    def _named(self, path: str) -> str:
        """Return a path that names its repository, for one that has the repository's number."""
        found = re.match(r"/repositories/(\d+)(?=/|$)", path)
        repository = self.state.by_id(int(found[1])) if found else None
        if found is None or repository is None:
            return path
        return f"/repos/{repository.full_name}{path[found.end() :]}"

    def _answered(self, match: Match, path: str, query: str, request: Message) -> Message | None:
        try:
            answer = self._carry_out(match, path, query, request)
        except ApiError as error:
            answer = error.answer()
        message = self._message(answer, request)
        if self.checked:
            breaches = self.description.response_errors(
                match, message.status, message.headers, message.body
            )
            self._note(match, f"response {message.status}", breaches)
        if match.method != "GET" and answer.status < 300:
            self.writes.append(Write(match.method, path, _decoded(request.body)))
        dropped = self._faults.next_drop(match.method, path, answer)
        return None if dropped else message

    def _carry_out(self, match: Match, path: str, query: str, request: Message) -> Answer:
        """Check a request, its token and its permissions, in GitHub's order, and obey."""
        breaches = []
        if self.checked:
            breaches = self.description.request_errors(
                match, query, request.headers.items(), request.body
            )
            self._note(match, "request", breaches)
        body = _decoded(request.body)
        route = ROUTES[match.method, match.template]
        bearer = request.headers.get("authorization", "").split(" ")[-1]
        token = self._tokens.find(bearer) if bearer and not route.signed else None
        repository = None
        if route.access:
            repository = check(token, self.state.find(*match.repository), route.access)
            if repository.full_name.lower() != "/".join(match.repository).lower():
                return self._moved(match, repository)
            self._look_at(repository, route, match.method)
        if breaches:
            raise ApiError(422, "Invalid request.\n\n" + "\n".join(breaches))
        return route.endpoint(
            Call(
                url=self.url + path,
                path=match.values,
                query=dict(parse_qsl(query, keep_blank_values=True)),
                body=body,
                token=token,
                payloads=self.payloads,
                storage=self._storage,
                state=self.state,
                tokens=self._tokens,
                bearer=bearer,
                limits=self.limits,
                template_takes=self.template_takes,
                _repository=repository,
            )
        )

    def _look_at(self, repository: Repository, route: Route, method: str) -> None:
        """Bring a repository up to date before it is asked for something."""
        if repository.generation:
            repository.generation.go_on()
        repository.refresh()
        if repository.archived and method != "GET" and not route.archived:
            raise archived()

    def _moved(self, match: Match, repository: Repository) -> Answer:
        """Send the client from a name that a repository had before to its number."""
        rest = match.path.split("/", 4)[4:]
        url = "/".join([f"{self.url}/repositories/{repository.id}", *rest])
        status, message = (
            (301, "Moved Permanently") if match.method == "GET" else (307, "Temporary Redirect")
        )
        payload = {"message": message, "url": url, "documentation_url": DOCUMENTATION}
        return Answer(status, payload, {"Location": url})

    def _note(self, match: Match, side: str, breaches: list[str]) -> None:
        self.violations += [f"{match.method} {match.path}: {side}: {each}" for each in breaches]

    def _message(self, answer: Answer, request: Message) -> Message:
        """Return an answer as bytes: with an entity tag, or 304 if the client has it already."""
        body = b"" if answer.payload is None else json.dumps(answer.payload).encode()
        headers = dict(answer.headers)
        if answer.status == 200:
            headers["ETag"] = f'W/"{hashlib.sha256(body).hexdigest()}"'
            if request.headers.get("if-none-match") == headers["ETag"]:
                return Message(self._limit_headers() | headers, b"", 304)
        if not answer.uncounted:
            self.limits.count()
        if body:
            headers["Content-Type"] = JSON
        return Message(self._limit_headers() | headers, body, answer.status)

    def _limit_headers(self) -> dict[str, str]:
        rate = self.limits.rate()
        headers = {f"X-RateLimit-{name.title()}": str(value) for name, value in rate.items()}
        return {**headers, "X-RateLimit-Resource": "core"}

    def _from_storage(self, path: str, query: str, request: Message) -> Message:
        """Hand out an archive. As at GitHub's storage, a token beside the signature is an error."""
        name = path.removeprefix(f"{STORAGE}/").removesuffix(".zip")
        found = {
            str(artifact.id): artifact
            for repository in self.state.repositories.values()
            for run in repository.runs.values()
            for artifact in run.artifacts.values()
        }.get(name)
        if found is None:
            return Message({}, b"The specified blob does not exist.", 404)
        if "authorization" in request.headers or query != f"sig={signature(found.id)}":
            return Message({}, b"Authentication information is not in the correct format.", 401)
        return Message({"Content-Type": "application/zip"}, found.archive, 200)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise ApiError(400, "Problems parsing JSON") from None
