"""Which files of a folder are slides, and in what order a person expects to see them."""

import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from unet_studio.core.files import path_inside
from unet_studio.errors import PathError, SlideError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".svs")
"""Endings of the files that count as slides, in lower case."""

_PASSED_OVER = {
    "unet-studio",
    "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@tmp", "@sharebin",  # network drives
    "$recycle.bin", "recycler", "system volume information",  # Windows
    "__macosx", "network trash folder", "temporary items",  # macOS
    "lost+found",
}  # fmt: skip
"""Names, in lower case, of the project and of what systems and network drives keep for themselves."""
_DIGITS = re.compile("([0-9]+)")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that is left out, by its path, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder holds: slides, by their paths in natural order, and what is left out, in the order of paths."""

    slides: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def search_folder(folder: Path) -> Found:
    """What `find_slides` and `find_left_out` find, in one search; raises SlideError as they do."""
    found = _search(folder)
    if not found.slides:
        kinds = ", ".join(SUFFIXES)
        raise SlideError(f"There are no slides in '{folder}'. Choose a folder with files that end in {kinds}.")
    return found


def find_slides(folder: Path) -> tuple[str, ...]:
    """Paths of all slides in `folder` and its sub-folders, relative to it, with forward slashes, in natural order.

    Natural order puts s2 before s10 and ignores case. Hidden files and folders, what systems and network drives keep
    for themselves, and the project are passed over, and what `find_left_out` names is left out; a folder that several
    links lead to is searched once. Raises SlideError if there is no such folder or no slide in it.
    """
    return search_folder(folder).slides


def find_images(folder: Path) -> tuple[str, ...]:
    """What `find_slides` finds, which may be nothing: masks are found by the same rules as slides."""
    return _search(folder).slides


def find_left_out(folder: Path) -> tuple[LeftOut, ...]:
    """The files named like slides, and the folders, that can't be used, each with the reason; in the order of paths.

    Raises SlideError as `find_slides` does for a folder that can't be opened.
    """
    return _search(folder).left_out


def _search(folder: Path) -> Found:
    try:
        found = list(_walk(folder))
    except FileNotFoundError as error:
        raise SlideError(f"There is no folder '{folder}'. Check the spelling, or choose another folder.") from error
    except NotADirectoryError as error:
        raise SlideError(f"'{folder}' is a file. Choose the folder that it lies in.") from error
    except OSError as error:
        raise SlideError(f"The folder '{folder}' can't be opened: {error.strerror}. Choose another folder.") from error
    slides = sorted((one for one in found if isinstance(one, str)), key=_natural_key)
    left_out = sorted((one for one in found if isinstance(one, LeftOut)), key=lambda one: one.path)
    return Found(tuple(slides), tuple(left_out))


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


def _walk(folder: Path) -> Iterator[str | LeftOut]:
    """Relative paths of the slides, and what is left out, in no useful order. Raises OSError only for `folder`."""
    searched: set[tuple[int, int]] = set()
    folders, links = deque([""]), deque[str]()
    while folders or links:
        # Links come last, so that a folder that is also linked to is known by its own path.
        prefix = folders.popleft() if folders else links.popleft()
        try:
            entries = _entries(folder / prefix, searched)
        except OSError as error:
            if not prefix:
                raise
            yield LeftOut(prefix, f"the folder can't be opened ({error.strerror})")
            continue
        for entry in entries:
            path, is_named_so = prefix + entry.name, entry.name.lower().endswith(SUFFIXES)
            is_file, is_folder = _kind(entry)
            if (is_file and is_named_so) or is_folder:
                if not _is_utf8(entry.name):
                    yield LeftOut(_shown(path), "its name isn't UTF-8 and can't be kept in a project; rename it")
                elif is_folder:
                    (links if entry.is_symlink() else folders).append(f"{path}/")
                else:
                    yield path
            elif is_named_so and not is_file:
                yield LeftOut(_shown(path), _why_no_file(Path(entry.path)))


def _kind(entry: "os.DirEntry[str]") -> tuple[bool, bool]:
    """Whether it is a file, and whether a folder; links count as what they lead to, and may lead nowhere."""
    try:
        return entry.is_file(), entry.is_dir()
    except OSError:
        return False, False


def _why_no_file(path: Path) -> str:
    if not path.is_symlink():
        return "it is no file"
    try:
        path.stat()
    except FileNotFoundError:
        return f"it is a link to '{_shown(str(path.readlink()))}', which isn't there; mend the link or remove it"
    except OSError as error:
        return f"the link can't be followed ({error.strerror}); mend the link or remove it"
    return "it is a link to no file"


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(path: str) -> str:
    """A path as it can be written, with the bytes that are no text as \\xNN."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _entries(folder: Path, searched: set[tuple[int, int]]) -> list["os.DirEntry[str]"]:
    """What lies in `folder` but for what is passed over; nothing if it was `searched` before. Raises OSError."""
    status = folder.stat()
    identity = status.st_dev, status.st_ino
    if identity in searched:
        return []
    searched.add(identity)
    with os.scandir(folder) as entries:
        return [e for e in entries if not e.name.startswith(".") and e.name.casefold() not in _PASSED_OVER]


def _natural_key(path: str) -> tuple[object, ...]:
    """Sorts part by part, runs of digits as numbers; the path itself orders what differs only in case or zeros."""
    return tuple(_part_key(part) for part in path.split("/")), path


@lru_cache(maxsize=256)  # the same few folder names come back for thousands of files
def _part_key(part: str) -> tuple[str | int, ...]:
    # Split at a group, text and digits alternate and text comes first, so that like is only compared with like.
    return tuple(int(piece) if piece.isdecimal() else piece for piece in _DIGITS.split(part.casefold()))
