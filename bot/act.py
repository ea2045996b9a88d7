"""Runs a workflow with the real `act`, without containers, on a real git repository.

Third-party actions are replaced: artifacts become folders, and Python is the one that runs this.
What act does not show: trigger filters, permissions, concurrency. A runner label it does not know
makes it skip the job and succeed, so look at the set of jobs that ran.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOTHING = "0" * 40
"""What a branch was before its first push."""
RUNNERS = ("ubuntu-24.04", "ubuntu-latest")
TOKEN = "ghs_local_0000"
_REFERENCE = re.compile(r"uses: +([\w.-]+/[\w.-]+)[\w./-]*@([0-9a-f]{40})")

UPLOAD = """\
name: Stands in for upload-artifact
inputs:
  name: {required: true}
  path: {required: true}
  if-no-files-found: {default: warn}
  overwrite: {default: "false"}
  retention-days: {default: "0"}
runs:
  using: composite
  steps:
    - name: Stand-in
      shell: bash
      env:
        NAME: ${{ inputs.name }}
        FROM: ${{ inputs.path }}
        MISSING: ${{ inputs.if-no-files-found }}
        OVERWRITE: ${{ inputs.overwrite }}
      run: |
        to=@STORE@/$GITHUB_RUN_ID/$NAME
        if [ -z "$(find "$FROM" -type f -print -quit 2>/dev/null)" ]; then
          echo "no files were found at $FROM"
          [ "$MISSING" != error ]
          exit
        fi
        if [ -e "$to" ]; then
          [ "$OVERWRITE" = true ] || { echo "there is an artifact $NAME"; exit 1; }
          rm -r "$to"
        fi
        mkdir -p "$to"
        if [ -d "$FROM" ]; then cp -R "$FROM/." "$to"; else cp "$FROM" "$to"; fi
"""

DOWNLOAD = """\
name: Stands in for download-artifact
inputs:
  name: {required: true}
  path: {required: true}
  run-id: {default: ""}
  github-token: {default: ""}
runs:
  using: composite
  steps:
    - name: Stand-in
      shell: bash
      env:
        NAME: ${{ inputs.name }}
        TO: ${{ inputs.path }}
        RUN: ${{ inputs.run-id }}
        TOKEN: ${{ inputs.github-token }}
      run: |
        [ -z "$RUN" ] || [ -n "$TOKEN" ] || { echo "another run needs a token"; exit 1; }
        from=@STORE@/${RUN:-$GITHUB_RUN_ID}/$NAME
        [ -d "$from" ] || { echo "there is no artifact $NAME"; exit 1; }
        mkdir -p "$TO"
        cp -R "$from/." "$TO"
"""

PYTHON = """\
name: Stands in for setup-python
inputs:
  python-version: {required: true}
runs:
  using: composite
  steps:
    - name: Stand-in
      shell: bash
      run: python3 --version
"""

STUBS = {
    "actions/upload-artifact": UPLOAD,
    "actions/download-artifact": DOWNLOAD,
    "actions/setup-python": PYTHON,
}


@dataclass(frozen=True)
class Run:
    """What a run of a workflow has left."""

    jobs: dict[str, str]
    """Job id → conclusion, of the jobs that ran."""
    log: str
    messages: tuple[dict[str, Any], ...] = field(repr=False)
    """Every line that act has logged."""
    artifacts: Path
    """A folder with one folder per artifact."""

    def outputs(self, job: str, step: str) -> dict[str, str]:
        """What a step wrote to GITHUB_OUTPUT. `step` is its id, or its place in the job."""
        return {
            message["name"]: message["arg"]
            for message in self.messages
            if message.get("command") == "set-output"
            and message["jobID"] == job
            and step in message["stepID"]
        }

    def annotations(self) -> list[tuple[str, dict[str, str], str]]:
        """(level, properties, text) of every annotation, in the order of the log."""
        return [
            (message["command"], message["kvPairs"] or {}, message["arg"])
            for message in self.messages
            if message.get("command") in ("error", "warning", "notice")
        ]

    def summary(self) -> str:
        """What the jobs wrote to GITHUB_STEP_SUMMARY, one after the other."""
        parts = (m["content"] for m in self.messages if m.get("command") == "summary")
        return "\n".join(parts)

    def files(self, artifact: str) -> dict[str, bytes]:
        """The files of an artifact. Empty if it was not stored."""
        folder = self.artifacts / artifact
        found = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


class Repository:
    """A course in a real git repository: branches, and the merges that pull requests would be."""

    def __init__(self, source: Path, folder: Path) -> None:
        """Commit to `main` what `source` holds now, whether it has been committed there or not."""
        self.folder = folder
        folder.mkdir(parents=True)
        listed = _output(source, "git", "ls-files", "-z", "-co", "--exclude-standard")
        for name in filter(None, listed.split("\0")):
            if (source / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source / name, folder / name)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit("The course")

    def git(self, *arguments: str) -> str:
        """Run git and return what it printed."""
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@localhost")
        return _output(self.folder, "git", *identity, *arguments).strip()

    def commit(self, message: str) -> str:
        """Commit everything and return the commit's hash."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def push(self, before: str) -> dict[str, Any]:
        """The event of a push to `main`, which was `before` until then."""
        home = {"full_name": "acme/course", "default_branch": "main"}
        after = self.git("rev-parse", "main")
        self.git("switch", "--quiet", "main")
        return {"ref": "refs/heads/main", "before": before, "after": after, "repository": home}

    def pull_request(
        self, branch: str, change: Callable[[Path], object], *, number: int = 1
    ) -> dict[str, Any]:
        """Commit a change to a new branch, check out its merge with `main`, return the event."""
        self.git("switch", "--quiet", "--create", branch, "main")
        change(self.folder)
        head = self.commit(f"On {branch}")
        base = self.git("rev-parse", "main")
        self.git("switch", "--quiet", "--detach", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", f"Merge {branch}", branch)
        home = {"full_name": "acme/course", "default_branch": "main"}
        return {
            "action": "opened",
            "number": number,
            "repository": home,
            "pull_request": {
                "number": number,
                "head": {"sha": head, "ref": branch, "repo": home},
                "base": {"sha": base, "ref": "main", "repo": home},
            },
        }


class Act:
    """The program, with a folder of its own for everything it and the workflows write."""

    def __init__(self, folder: Path, program: Path, tito: Path) -> None:
        """`tito` is the folder of the checkout whose tito the runner has on PATH."""
        self.folder, self.program = folder, program
        self.token = TOKEN
        """What the workflows get as theirs."""
        self._bin = folder / "bin"
        self._bin.mkdir(parents=True)
        (folder / "home").mkdir()
        (folder / "tmp").mkdir()
        path = f"import sys\n\nsys.path.insert(0, {str(tito)!r})\n"
        script = f"{path}from tito.cli import main\n\nmain()\n"
        self._executable("tito", f"#!{sys.executable}\n{script}")
        # By name and not by a link: Python finds its environment beside the file that was started.
        for name in ("python", "python3"):
            self._executable(name, f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        for action, text in STUBS.items():
            stub = folder / "stubs" / action
            stub.mkdir(parents=True)
            text = text.replace("@STORE@", str(folder / "artifacts"))
            (stub / "action.yml").write_text(text, encoding="utf-8")

    def without_tito(self) -> None:
        """Take tito from PATH, as it is on a fresh runner."""
        (self._bin / "tito").unlink()

    def run(
        self,
        checkout: Path,
        workflow: str,
        event: str,
        payload: Mapping[str, Any],
        *,
        number: int = 1,
        environment: Mapping[str, str] | None = None,
        repositories: Mapping[str, Path] | None = None,
    ) -> Run:
        """Run `.github/workflows/<workflow>` as run `number`, and wait for its end.

        `repositories` are folders that stand for other repositories: `acme/tools@v1` → folder.
        """
        others = repositories or {}
        file = self.folder / f"event-{number}.json"
        file.write_text(json.dumps(payload), encoding="utf-8")
        settings = {
            "GITHUB_REPOSITORY": "acme/course",
            "GITHUB_RUN_ID": str(number),
            **(environment or {}),
        }
        command = [
            str(self.program), event, "-C", str(checkout),
            "-W", f".github/workflows/{workflow}", "-e", str(file), "--json",
            *(f"-P={runner}=-self-hosted" for runner in RUNNERS),
            "--action-cache-path", str(self.folder / f"cache-{number}"), "--no-cache-server",
            *(f"--{kind}-file={os.devnull}" for kind in ("env", "var", "input")),
            "--secret-file=/dev/stdin",
            *(f"--env={name}={value}" for name, value in settings.items()),
            *(f"--local-repository={name}={folder}" for name, folder in others.items()),
            *self._replaced([checkout, *others.values()]),
        ]  # fmt: skip
        # Not on the command line, and in no environment: everybody reads those of act.
        done = subprocess.run(
            command, env=self._surroundings(), input=f"GITHUB_TOKEN={self.token}\n",
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return self._read(done, number)

    def _surroundings(self) -> dict[str, str]:
        # The tito of an environment that is switched on here is not on the runner's PATH.
        path = [p for p in os.environ["PATH"].split(os.pathsep) if not Path(p, "tito").exists()]
        return {
            "PATH": os.pathsep.join([str(self._bin), *path]),
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "LANG": "C.UTF-8",
        }

    def _replaced(self, folders: Iterable[Path]) -> list[str]:
        """Every third-party action that is named there must have a stand-in."""
        options = []
        for file in (file for folder in folders for file in (folder / ".github").rglob("*.yml")):
            for name, sha in _REFERENCE.findall(file.read_text(encoding="utf-8")):
                if name in STUBS:
                    options.append(
                        f"--local-repository={name}@{sha}={self.folder / 'stubs' / name}"
                    )
        return sorted(set(options))

    def _read(self, done: subprocess.CompletedProcess[str], number: int) -> Run:
        messages = tuple(
            json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")
        )
        jobs = {m["jobID"]: m["jobResult"] for m in messages if "jobResult" in m}
        log = "\n".join(str(m.get("msg", "")).rstrip("\n") for m in messages)
        if not jobs and done.returncode:
            raise RuntimeError(f"act could not run: {done.stderr.strip()[-2000:]}\n{log}")
        if (done.returncode == 0) != all(result == "success" for result in jobs.values()):
            raise RuntimeError(f"act exits with {done.returncode}, and the jobs are {jobs}\n{log}")
        return Run(jobs, log, messages, self.folder / "artifacts" / str(number))

    def _executable(self, name: str, text: str) -> None:
        path = self._bin / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)


def program() -> Path | None:
    """`act` beside the Python that runs, or on PATH."""
    beside = Path(sys.executable).parent / "act"
    found = str(beside) if beside.is_file() else shutil.which("act")
    return Path(found) if found else None


def _output(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
