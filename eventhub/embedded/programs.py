"""Where the account that runs the servers for root finds their programs: in the wheels, or in a copy that it can read."""

import hashlib
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from eventhub.embedded.account import Account
from eventhub.embedded.wheels import EmbeddedError

# Root's alone to write, on a disk, and nobody's data: what is missing is copied again.
CACHE = Path("/var/cache/eventhub")

_log = logging.getLogger(__name__)


def reachable(folders: Sequence[Path], account: Account) -> Path:
    """Return the folder in which `account` finds these, which are beside each other: theirs, or that of a copy.

    The folders above belong to their owner, who may have closed them to others: they stay as they are.
    """
    beside = folders[0].parent
    closed = next(filter(None, map(account.barred_at, filter(Path.exists, folders))), None)
    if closed is None:
        return beside
    copy = CACHE / _name_of(folders)
    if not copy.exists():
        _log.warning(
            "%s is closed to the account that PostgreSQL has to run as: its programs are copied to %s",
            closed,
            copy,
        )
        _copy(folders, copy)
    if (still := account.barred_at(copy)) is not None:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and {account} cannot reach its programs: {closed} and {still} are "
            "closed. Install Event Hub where others may pass, start it as an ordinary user, or set DATABASE_URL."
        )
    return copy


def _name_of(folders: Sequence[Path]) -> str:
    """Return a name for these very files: a wheel that is installed anew has folders that are new."""
    facts = [
        (str(folder), folder.stat().st_ino, folder.stat().st_mtime_ns)
        for folder in folders
        if folder.exists()
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _copy(folders: Sequence[Path], target: Path) -> None:
    """Copy them for everybody to read: all or nothing, even where two do it at once."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.parent.chmod(0o755)
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.rmtree(
            unfinished, ignore_errors=True
        )  # a start of the same number that was killed, as in a container
        for folder in filter(Path.exists, folders):
            shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        for place, _, files in os.walk(unfinished):
            for path in (Path(place), *(Path(place, name) for name in files)):
                if not path.is_symlink():
                    # What the owner may read and execute, all may: the files are public ones.
                    mode = path.stat().st_mode & 0o700
                    path.chmod(mode | (mode >> 3 & 0o50) | (mode >> 6 & 0o5))
        try:
            unfinished.rename(target)
        except OSError:
            shutil.rmtree(unfinished)
            if not target.exists():
                raise
    except OSError as error:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and its programs cannot be copied to where its account reaches them: "
            f"{error}. Install Event Hub where others may pass, start it as an ordinary user, or set DATABASE_URL."
        ) from error
