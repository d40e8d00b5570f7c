"""Files by the names that other files give them, which never leave their folder, and files and folders written so that
a crash or a full disk leaves the old one or the new one, never half of it.
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from unet_studio.errors import PathError, StudioError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_SMALL = 4 << 20
_QUOTED = 200  # characters of a name that makes no sense
_NO_FOLDER_FLUSH = {errno.EINVAL, errno.ENOTSUP}  # what some network drives say to flushing a folder


def path_inside(root: Path, name: str, *, follows_links: bool = False) -> Path:
    """The path below the folder `root` that has a relative `name`, with forward slashes.

    Every name that comes out of a file (a project, a card, an archive) or a pipe becomes a path by this function, since
    such a file may come from anybody. Links that lead out of `root` count as leaving it, unless it `follows_links`, as
    is right for what is only read. Raises `PathError` where the path would lie elsewhere.
    """
    relative = Path(name)
    path = root / relative
    if relative.is_absolute() or relative.drive or ".." in relative.parts or not relative.parts or "\0" in name:
        raise PathError(
            f"'{name[:_QUOTED]}' is no name of a file below '{root}', so nothing is read or written there. Whatever "
            "names it is damaged, or was made to reach other files: restore it from a copy that you trust."
        )
    if not follows_links and not _resolved(path).is_relative_to(_resolved(root)):
        raise PathError(
            f"'{path}' leads out of '{root}' by a link, so nothing is read or written there. Replace the link by a "
            "folder or file of its own."
        )
    return path


def read_small_text(path: Path) -> str:
    """The text of a file that a person could read, such as a card or a recipe.

    Raises OSError where there is none, it is no ordinary file (of a pipe nothing would ever come) or larger than any
    such file, and ValueError where it isn't UTF-8.
    """
    # Opened so as not to wait until somebody writes into a pipe.
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no ordinary file")
        data = file.read(_SMALL + 1)
    if len(data) > _SMALL:
        raise OSError(errno.EFBIG, f"it has more than {_SMALL >> 20} MB")
    return data.decode()


def is_plain_name(name: str) -> bool:
    """Whether a text can be the name of one file or folder, without a path."""
    return Path(name).name == name not in ("", "..") and "\0" not in name


def _resolved(path: Path) -> Path:
    """The path without links."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # links that lead in a circle
        raise PathError(f"'{path}' is a link that leads nowhere. Replace it by a folder or file of its own.") from error


def write_atomically(path: Path, data: bytes | Callable[[BinaryIO], None]) -> None:
    """Make `path` a file of `data`: written beside it, flushed to the disk, then renamed; its folders are made.

    Instead of bytes, `data` may be a function that writes them, so that they need not all be in memory.

    Raises StudioError with a sentence where that fails; what was at `path` before is then still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
    except OSError as error:
        raise StudioError(
            f"{path} could not be written: {_reason(error)} What was there before is unchanged."
        ) from error


def publish_folder(finished: Path, place: Path) -> None:
    """Give a finished folder its name, `place`, beside it; a folder that has this name already is removed.

    Files and folders are flushed to the disk before, and the new name after, so that once this returns no loss of power
    takes anything away. Raises OSError.
    """
    for path in finished.rglob("*"):
        _flush(path)
    _flush(finished)
    if place.exists():
        shutil.rmtree(place)
    finished.rename(place)
    _flush(place.parent)


def _flush(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk itself."""
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return  # Windows opens no folder for this
    descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not is_folder or error.errno not in _NO_FOLDER_FLUSH:
            raise
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes | Callable[[BinaryIO], None]) -> None:
    # Not tempfile, whose files only their owner may read; not the old name with an ending, which may get too long.
    beside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with beside.open("x+b") as file:
            if callable(data):
                data(file)
            else:
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def _reason(error: OSError) -> str:
    if error.errno in _FULL:
        return "the disk is full. Free some space and try again."
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return (
            "there is no permission to write there, or another program has the file open. "
            "Close it there, ask for permission, or choose another folder."
        )
    return f"{error.strerror or error}. Check that the folder can be reached, or choose another one."
