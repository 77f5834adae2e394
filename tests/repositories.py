"""Real git repositories for tests: made with git's plumbing, so that they can hold what git itself would not write."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

Files = dict[str, str | bytes]
WHO = ("AUTHOR", "COMMITTER")


@dataclass(frozen=True)
class BareRepository:
    """A bare repository on disk, as a server has it."""

    path: Path

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_NAME": "Pat" for who in WHO},
            **{f"GIT_{who}_EMAIL": "pat@example.com" for who in WHO},
        }
        done = subprocess.run(
            ["git", f"--git-dir={self.path}", *arguments],
            input=stdin,
            capture_output=True,
            env=environment,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def blob(self, content: str | bytes) -> str:
        data = content.encode() if isinstance(content, str) else content
        return self.git("hash-object", "-w", "--stdin", "--no-filters", stdin=data)

    def tree(self, *entries: tuple[str, str, str]) -> str:
        """A tree of (mode, object, name), whatever the names are."""
        kinds = {"040000": "tree", "160000": "commit"}
        lines = [f"{mode} {kinds.get(mode, 'blob')} {id_}\t{name}" for mode, id_, name in entries]
        return self.git("mktree", "-z", "--missing", stdin="".join(f"{each}\0" for each in lines).encode())

    def commit_tree(self, tree: str, parent: str | None = None, message: str = "change", branch: str = "main") -> str:
        before = ["-p", parent] if parent else []
        commit = self.git("commit-tree", tree, *before, "-m", message)
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def files_tree(self, files: Files) -> str:
        """The tree that holds these files; a slash in a name makes a folder."""
        folders: dict[str, Files] = {}
        entries = []
        for name, content in files.items():
            first, slash, rest = name.partition("/")
            if slash:
                folders.setdefault(first, {})[rest] = content
            else:
                entries.append(("100644", self.blob(content), name))
        entries += [("040000", self.files_tree(inner), name) for name, inner in folders.items()]
        return self.tree(*entries)

    def push(self, files: Files, message: str = "change", *, rewrite: bool = False, branch: str = "main") -> str:
        """Make a commit of exactly these files, as a push would leave it; ``rewrite`` forgets what was there before."""
        parent = None if rewrite else self.head(branch)
        return self.commit_tree(self.files_tree(files), parent, message, branch)

    def head(self, branch: str = "main") -> str | None:
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}") or None


def bare_repository(path: Path) -> BareRepository:
    made = BareRepository(path)
    path.mkdir(parents=True)
    made.git("init", "--quiet", "--bare", "--initial-branch=main", "--template=")
    return made
