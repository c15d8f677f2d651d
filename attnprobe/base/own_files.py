"""Files in a folder that someone else may have filled: opened as plain files, never through links or as pipes."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from attnprobe.base.errors import InputError

WITHOUT_FOLLOWING = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""For ``os.open``: not through a link, and without waiting for whoever is at the other end of a pipe."""

FILE, FOLDER = "a file", "a folder"

_KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: FOLDER,
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of(path: Path) -> str | None:
    """What lies under a name itself, wherever it may lead: ``FILE``, ``FOLDER`` or another; None where nothing does.

    Raises:
        InputError: nobody may look.
    """
    try:
        return kind_of_mode(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be looked at: {error.strerror}.") from None


def kind_of_mode(mode: int) -> str:
    """The same of what the system says of it: ``st_mode``."""
    return _KINDS.get(stat.S_IFMT(mode), "something else")


def require_kind(path: Path, *kinds: str) -> bool:
    """Whether something lies under a name of a run's folder.

    Raises:
        InputError: it is not of one of these kinds.
    """
    kind = kind_of(path)
    if kind is None or kind in kinds:
        return kind is not None
    raise InputError(
        f"{path} is {kind}, and what lies there in a run's folder has to be {' or '.join(kinds)}: "
        "attnprobe follows no links in it and opens nothing else."
    )


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a plain file.

    Args:
        path: of the file.
        flags: as of ``os.open``.

    Raises:
        InputError: it is a link or anything else that is no file.
        OSError: as of ``os.open``.
    """
    require_kind(path, FILE)
    try:
        descriptor = os.open(path, flags | WITHOUT_FOLLOWING, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):  # a link since a moment ago
            require_kind(path, FILE)
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        require_kind(path, FILE)
        raise InputError(f"{path} is being changed by someone else.")
    return descriptor


def own_folder(path: Path, within: Path) -> None:
    """Make a folder, and those between it and ``within``, which alone may be reached through links.

    Raises:
        InputError: one of them is there and is no folder.
        OSError: it cannot be made.
    """
    within.mkdir(parents=True, exist_ok=True)
    for folder in folders_between(path, within):
        require_kind(folder, FOLDER)
        folder.mkdir(exist_ok=True)


def folders_between(path: Path, within: Path) -> list[Path]:
    """The folders below ``within`` on the way to ``path``, itself the last."""
    parts = path.relative_to(within).parts
    return [within.joinpath(*parts[: number + 1]) for number in range(len(parts))]
