"""Which system account PostgreSQL runs as. It refuses to run as root, which is what containers give."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventhub.embedded.wheels import EmbeddedError

# Accounts that are there already: starting a program should not add users to the machine.
_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An unprivileged account that root gives its servers to."""

    uid: int
    gid: int

    def popen_options(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, tree: Path) -> None:
        """Make everything in `tree` this account's, where it is root's."""
        if tree.stat().st_uid == self.uid:
            return
        # The folder itself last: it tells that the rest is done.
        for folder, _, files in os.walk(tree, topdown=False):
            for name in (*files, ""):
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)

    def barred_at(self, path: Path) -> Path | None:
        """Return the first folder on the way to `path`, itself included, that is closed to this account."""
        for folder in (*reversed(path.parents), path):
            status = folder.stat()
            if not status.st_mode & self._search_bit(status):
                return folder
        return None

    def _search_bit(self, status: os.stat_result) -> int:
        if status.st_uid == self.uid:
            return stat.S_IXUSR
        return stat.S_IXGRP if status.st_gid == self.gid else stat.S_IXOTH

    def __str__(self) -> str:
        return f"the account with the id {self.uid}"


def owner_of(home: Path) -> Account | None:
    """Return the owner of `home` where this process is root's and `home` is not, else None.

    So root, who may start anything, leaves no files that their owner cannot open.
    """
    if os.geteuid() != 0 or not home.exists() or (status := home.stat()).st_uid == 0:
        return None
    return Account(status.st_uid, status.st_gid)


def unprivileged(home: Path) -> Account | None:
    """Return whom a server in `home` that refuses to run as root runs as; None: as this process.

    For root: the owner of `home`, or for a new one the first of the candidates.
    """
    if os.geteuid() != 0:
        return None
    return owner_of(home) or _candidate()


def _candidate() -> Account:
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody' to run it as: "
        "add one, start Event Hub as an ordinary user, or set DATABASE_URL."
    )
