"""Which files of a folder are slides, and in what order a person expects to see them."""

import logging
import os
import re
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from unet_studio.core.files import path_inside
from unet_studio.errors import PathError, SlideError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".svs")
"""Endings of the files that count as slides, in lower case."""

_PROJECT = "unet-studio"
_DIGITS = re.compile("([0-9]+)")
_log = logging.getLogger(__name__)


def find_slides(folder: Path) -> tuple[str, ...]:
    """Paths of all slides in `folder` and its sub-folders, relative to it, with forward slashes, in natural order.

    Natural order puts s2 before s10 and ignores case. Hidden files, hidden folders and the project are left out; a
    folder that several links lead to is searched once. Raises SlideError if there is no such folder or no slide in it.
    """
    slides = find_images(folder)
    if not slides:
        kinds = ", ".join(SUFFIXES)
        raise SlideError(f"There are no slides in '{folder}'. Choose a folder with files that end in {kinds}.")
    return slides


def find_images(folder: Path) -> tuple[str, ...]:
    """What `find_slides` finds, which may be nothing: masks are found by the same rules as slides."""
    try:
        return tuple(sorted(_walk(folder), key=_natural_key))
    except FileNotFoundError as error:
        raise SlideError(f"There is no folder '{folder}'. Check the spelling, or choose another folder.") from error
    except NotADirectoryError as error:
        raise SlideError(f"'{folder}' is a file. Choose the folder that it lies in.") from error
    except OSError as error:
        raise SlideError(f"The folder '{folder}' can't be opened: {error.strerror}. Choose another folder.") from error


def slide_file(folder: Path, slide: str) -> Path:
    """The file of a slide of `folder`, by its path as `find_slides` gives it; slides may lie behind links.

    Raises `PathError` where the path, which may come from a project, leads out of the folder.
    """
    return path_inside(folder, slide, follows_links=True)


def is_there(folder: Path, slide: str) -> bool:
    """Whether `folder` has a slide, by its path as a project names it."""
    try:
        return slide_file(folder, slide).is_file()
    except PathError:
        return False


def _walk(folder: Path) -> Iterator[str]:
    """Relative paths of the slides, in no useful order. Raises OSError only for `folder` itself."""
    searched: set[tuple[int, int]] = set()
    folders, links = deque([""]), deque[str]()
    while folders or links:
        # Links come last, so that a folder that is also linked to is known by its own path.
        prefix = folders.popleft() if folders else links.popleft()
        for entry in _entries(folder / prefix, searched, required=not prefix):
            path = prefix + entry.name
            if entry.name.lower().endswith(SUFFIXES) and entry.is_file():
                yield path
            elif entry.name != _PROJECT and entry.is_dir():
                (links if entry.is_symlink() else folders).append(f"{path}/")


def _entries(folder: Path, searched: set[tuple[int, int]], *, required: bool) -> list["os.DirEntry[str]"]:
    """What lies in `folder` and isn't hidden; nothing if it was `searched` before or, unless `required`, can't be."""
    try:
        status = folder.stat()
        identity = status.st_dev, status.st_ino
        if identity in searched:
            return []
        searched.add(identity)
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        if required:
            raise
        _log.warning("Left out the folder %s: %s", folder, error.strerror)
        return []


def _natural_key(path: str) -> tuple[object, ...]:
    """Sorts part by part, runs of digits as numbers; the path itself orders what differs only in case or zeros."""
    return tuple(_part_key(part) for part in path.split("/")), path


@lru_cache(maxsize=256)  # the same few folder names come back for thousands of files
def _part_key(part: str) -> tuple[str | int, ...]:
    # Split at a group, text and digits alternate and text comes first, so that like is only compared with like.
    return tuple(int(piece) if piece.isdecimal() else piece for piece in _DIGITS.split(part.casefold()))
