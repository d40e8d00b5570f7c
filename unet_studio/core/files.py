"""Writing files and folders so that a crash or a full disk leaves the old one or the new one, never half of it."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from unet_studio.errors import StudioError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_FOLDER_FLUSH = {errno.EINVAL, errno.ENOTSUP}  # what some network drives say to flushing a folder


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
