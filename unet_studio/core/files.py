"""Writing files so that a crash or a full disk leaves the old file or the new one, never half of it."""

import contextlib
import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from unet_studio.errors import StudioError

_FULL = {errno.ENOSPC, errno.EDQUOT}


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
