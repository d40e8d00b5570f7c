"""Turns any error of an image library into a sentence that a researcher can act on."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unet_studio.errors import SlideError, StudioError

COPY_AGAIN = "copy it again from its source"
EXPORT_TILED = "export it as a tiled TIFF"
EXPORT_PLAIN = "open it in the program that it comes from and export it as PNG or TIFF"

NOT_AN_IMAGE = "it isn't an image of a known kind, whatever its name says"

_TOO_SHORT = f"it ends too early; {COPY_AGAIN}"
_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (FileNotFoundError, "it's no longer there; put it back or reload the folder"),
    (IsADirectoryError, "it's a folder; choose a file"),
    (PermissionError, "you have no right to read it; ask the person who owns it"),
    (MemoryError, f"there isn't enough memory for it; close other programs, or {EXPORT_TILED}"),
    (SyntaxError, f"it's damaged; {COPY_AGAIN}"),  # what Pillow raises for a damaged file
    (EOFError, _TOO_SHORT),
    (struct.error, _TOO_SHORT),
)
# What libraries raise for a file that contradicts itself: their messages mean nothing to a researcher.
_INTERNAL = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError)


def unreadable(path: Path, what: str, remedy: str) -> SlideError:
    """The error for a slide of which `what` is wrong, with what to do about it."""
    return SlideError(f"'{path.name}' can't be read: {what}; {remedy}.")


def amount(size: int) -> str:
    """So many bytes in words, such as 1.9 GB."""
    unit_bytes, unit = _unit_of(size)
    return f"{round(size / unit_bytes, 1):g} {unit}"


def check_length(path: Path, length: int, needed: int) -> None:
    """Raises SlideError if a file of `length` bytes ought to have `needed`."""
    if needed > length:
        unit_bytes, unit = _unit_of(needed)
        present, all_of_it = (f"{round(size / unit_bytes, 1):g}" for size in (length, needed))
        if present == all_of_it:
            present, all_of_it, unit = str(length), str(needed), "bytes"
        raise unreadable(path, f"it ends after {present} of {all_of_it} {unit}", COPY_AGAIN)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Within it, every exception about the slide at `path` becomes a SlideError."""
    try:
        yield
    except StudioError:
        raise
    except Exception as error:  # image libraries raise nearly every kind of exception for damaged files
        raise SlideError(f"'{path.name}' can't be read: {_sentence(error)}.") from error


def _sentence(error: Exception) -> str:
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return sentence
    if isinstance(error, _INTERNAL):
        return f"it's damaged, or of a kind that isn't supported; {EXPORT_PLAIN}"
    detail = str(error).strip().splitlines()[:1] or [type(error).__name__]
    if isinstance(error, OSError) and "truncated" in detail[0].lower():
        return _TOO_SHORT
    if isinstance(error, OSError) and error.errno:
        return f"reading it fails ({error.strerror}); check the disk or the network and try again"
    return f"it's damaged, or of a kind that isn't supported ({detail[0][:120]}); {EXPORT_PLAIN}"


def _unit_of(size: int) -> tuple[int, str]:
    """The unit in which to speak of so many bytes: how many bytes it is, and its name."""
    power = min(4, (len(str(size)) - 1) // 3)
    return 1000**power, ("bytes", "kB", "MB", "GB", "TB")[power]
