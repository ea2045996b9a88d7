"""What a class is made from: the tools repository and the template, published from the course.

Both hold one commit without parents for each publication, so that no history tells anything. The
template keeps a tag for every release, by which an update knows what a student was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from bot import git, tools
from bot.classroom.forge import MAIN, Forge
from bot.classroom.providers import provider_of
from bot.classroom.session import Session
from bot.classroom.steps import Step
from bot.classroom.update import Releases
from bot.errors import UnsureError
from bot.git import File
from bot.organisation import Organisation, Repository
from tito import leaks, student
from tito.cli.nbgrader import GRADEBOOK
from tito.course import MANIFEST, Course, Module
from tito.errors import RefusedError, TitoError
from tito.leaks import Secrets
from tito.proof import prove
from tito.provenance import FILE, decode, stamped
from tito.report import Finding, failed

TAG = "refs/tags/release-"
MESSAGE = "The course, as it is handed out\n"


class Publisher:
    """Makes the two repositories, if need be, and brings them up to date."""

    def __init__(
        self, course: Course, door: Organisation, forge: Forge, *, dry_run: bool = False
    ) -> None:
        self._course, self._door, self._forge = course, door, forge
        self._dry_run = dry_run

    def repository(self, name: str, purpose: str) -> tuple[Repository | None, list[Step]]:
        """Of this name, made if it is not there. None in a dry run without it."""
        found = self._door.repository(name)
        if found is not None:
            if not found.private:
                hint = f"make it private, or name another one in {MANIFEST}"
                raise TitoError(f"{name} is public", hint=hint)
            return found, []
        if self._dry_run:
            return None, [Step(name, "made")]
        words = f"{self._course.settings.name}, {self._course.classroom.term}: {purpose}"
        try:
            made = self._door.create(name, words)
        except UnsureError:
            again = self._door.repository(name)
            made = again if again is not None else self._door.create(name, words)
        return made, [Step(name, "made")]

    def open_tools(self, repository: Repository) -> Iterator[Step]:
        """Let the workflows of student repositories use the private tools repository."""
        if self._door.actions_access(repository.name) not in ("organization", "enterprise"):
            yield Step(repository.name, "opened to the organisation's workflows")
            if not self._dry_run:
                self._door.open_actions(repository.name)

    def template(
        self, repository: Repository, files: Mapping[str, bytes], secrets: Secrets
    ) -> Iterator[Step]:
        """Publish a release. Raises RefusedError if what is there is no template of ours."""
        contents = {path: File("100644", data) for path, data in files.items()}
        sha = self._forge.commit(MESSAGE, contents)
        release = decode(files[FILE]).release
        refs = self._forge.refs(repository.clone_url)
        self._refuse_foreign(repository, refs)
        found = leaks.search_repository(secrets, self._forge.local)
        if failed(found):
            raise RefusedError("there is a leak in what the template would hold", found)
        # A release that is there already stays, whatever commit of the course made it again.
        sha = refs.get(f"{TAG}{release}", sha)
        wanted = {f"refs/heads/{MAIN}": sha, f"{TAG}{release}": sha}
        changed = {ref: (sha, refs.get(ref, "")) for ref in wanted if refs.get(ref) != sha}
        if changed:
            yield Step(repository.name, f"release {release} published")
            if not self._dry_run:
                self._push(repository, changed)
        if not repository.is_template:
            yield Step(repository.name, "made a template")
            if not self._dry_run:
                self._door.change(repository.name, is_template=True)

    def _push(self, repository: Repository, changed: Mapping[str, tuple[str, str]]) -> None:
        try:
            self._forge.push(repository.clone_url, changed)
        except TitoError:
            there = self._forge.refs(repository.clone_url)
            if any(there.get(ref) != sha for ref, (sha, _) in changed.items()):
                raise

    def _refuse_foreign(self, repository: Repository, refs: Mapping[str, str]) -> None:
        """Every branch and tag must be a release: without parents, with `release.json`."""
        faults = []
        if refs:
            self._forge.fetch(repository.clone_url, *set(refs.values()))
        for ref, sha in refs.items():
            message = _fault(self._forge, sha)
            if message:
                hint = "name an empty repository, or one that this command has made"
                place = f"{self._door.login}/{repository.name}"
                faults.append(Finding("template", "error", place, 0, f"{ref} {message}", hint))
        if faults:
            raise RefusedError(f"{repository.name} is no template of this course", faults)


def _fault(forge: Forge, sha: str) -> str:
    if git.text(forge.local, "cat-file", "-t", sha) != "commit":
        return "is no plain commit"
    if "\nparent " in git.text(forge.local, "cat-file", "commit", sha).split("\n\n")[0]:
        return "has a history, which a template never has"
    if FILE not in git.text(forge.local, "ls-tree", "--name-only", sha).split("\n"):
        return f"holds no {FILE}"
    return ""


def everything(session: Session, *, dry_run: bool = False) -> Iterator[Step]:
    """Tools, template, and what the provider wants. Nothing is written before all is proven."""
    course, door = session.course, session.door
    modules = handed_out(course, session.clock.moment())
    source = student.commit_of(course)
    refused(prove(course, modules))
    publisher = Publisher(course, door, session.forge, dry_run=dry_run)
    names = session.classroom
    tools_home, steps = publisher.repository(names.tools, "tools")
    yield from steps
    sha = git.NOTHING
    if tools_home is not None:
        address = tools_home.clone_url
        published = tools.publish(
            course.root, address, environment=session.forge.access(address), dry_run=dry_run
        )
        sha = published.commit
        if published.refs:
            yield Step(names.tools, f"{published.tag} published")
        yield from publisher.open_tools(tools_home)
    files = release(course, modules, f"{door.login}/{names.tools}", sha, source=source)
    template, steps = publisher.repository(names.template, "template")
    yield from steps
    if template is None:
        yield Step(names.template, f"release {decode(files[FILE]).release} published")
    else:
        yield from publisher.template(template, files, secrets_of_commit(course, files))
    yield from provider_of(course).publish(session, dry_run=dry_run)


def handed_out(course: Course, now: datetime) -> tuple[Module, ...]:
    """The modules of the assignments that are open by now, and all before them.

    A course without assignments hands out all that is written. Raises TitoError if nothing is open.
    """
    opened = [a for a in course.assignments if a.opens is None or a.opens <= now]
    names = {name for assignment in opened for name in assignment.modules}
    if not course.assignments:
        names = {module.name for module in course.modules if course.written(module)}
    chosen = [module for module in course.modules if module.name in names]
    if not chosen:
        raise TitoError("no assignment is open yet", where=MANIFEST, hint="see `opens` there")
    return course.up_to(chosen[-1])


def release(
    course: Course, modules: Sequence[Module], tools: str, sha: str, *, source: str
) -> dict[str, bytes]:
    """The files of a release: the student repository, and what the provider adds to it."""
    plain = student.tree(course, modules, source=source, gradebook=course.root / GRADEBOOK)
    added = provider_of(course).files(course, tools, sha)
    return stamped(course, {**plain, **added}, modules, source=source)


def releases(forge: Forge, repository: Repository) -> Releases:
    """What the template has ever handed out, fetched. Raises TitoError if nothing was published."""
    refs = forge.refs(repository.clone_url)
    tags = {ref.removeprefix(TAG): sha for ref, sha in refs.items() if ref.startswith(TAG)}
    main = refs.get(f"refs/heads/{MAIN}", "")
    newest = next((release for release, sha in tags.items() if sha == main), "")
    if not newest:
        hint = "python -m bot classroom publish"
        raise TitoError(f"{repository.name} holds no release", hint=hint)
    forge.fetch(repository.clone_url, *set(tags.values()))
    trees = {forge.tree(sha): release for release, sha in tags.items()}
    return Releases(newest, tags, trees)


def secrets_of_commit(course: Course, files: Mapping[str, bytes]) -> Secrets:
    """What the course keeps from students; what the release hands out is no secret."""
    texts: Iterable[str] = (data.decode("utf-8", "replace") for data in files.values())
    return leaks.secrets_of(course, released=texts)


def refused(findings: Sequence[Finding]) -> None:
    """Raise RefusedError if the release is not proven."""
    if failed(findings):
        count = sum(finding.severity == "error" for finding in findings)
        message = f"this release is not proven: {count} finding(s), nothing was published"
        raise RefusedError(message, findings, hint="see them again: tito nbgrader validate")
