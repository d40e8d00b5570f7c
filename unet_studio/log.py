"""The log of the window: what to look at, and to send along, where something went wrong.

Each start writes a file of its own, so that two windows never write to one; the oldest files make room.
"""

import faulthandler
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

from unet_studio import __version__

_KEPT = 10
_LARGEST = 1 << 20
"""Bytes; then a file makes way for a second one, and that for a third in place of the first."""
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_log = logging.getLogger(__name__)


def log_folder() -> Path:
    """Where the logs of this user lie, by the custom of the system."""
    return platformdirs.user_log_path("unet-studio", appauthor=False)


def log_files() -> list[Path]:
    """The logs there are, oldest first."""
    try:
        return sorted(file for file in log_folder().iterdir() if ".log" in file.suffixes)
    except OSError:
        return []


@contextmanager
def keep_log() -> Iterator[Path | None]:
    """Write a new log meanwhile, also of a crash in a library; None where no file can be written.

    It begins with the versions of what runs here.
    """
    logging.raiseExceptions = False  # a full disk is told where it matters, not by each line that can't be logged
    try:
        log_folder().mkdir(parents=True, exist_ok=True)
        _make_room()
        file = log_folder() / f"{datetime.now():%Y-%m-%dT%H-%M-%S}-{os.getpid()}.log"
        handler = RotatingFileHandler(
            file, maxBytes=_LARGEST, backupCount=1, encoding="utf-8", errors="backslashreplace"
        )
        crash = file.open("a", encoding="utf-8")
    except OSError:
        yield None
        return
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    faulthandler.enable(crash)
    _log.info("U-Net Studio %s, Python %s, %s", __version__, platform.python_version(), platform.platform())
    try:
        yield file
    finally:
        faulthandler.disable()
        crash.close()
        root.removeHandler(handler)
        handler.close()


def _make_room() -> None:
    """Remove the oldest logs; one that another window holds open may stay."""
    for file in log_files()[: -_KEPT + 1]:
        with suppress(OSError):
            file.unlink()
