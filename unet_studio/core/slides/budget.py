"""How much one slide or mask may take, decided here for files of every kind, and before anything is allocated.

A small file, damaged or hostile, can claim any size: what counts is what reading it takes, with every copy.
"""

from pathlib import Path

from unet_studio.core.slides.reading_errors import COPY_AGAIN, EXPORT_TILED, amount, unreadable

MAX_BYTES = 7 * 2**28
"""Of memory that reading takes at its peak: with the program itself it stays below 2 GiB, and a coloured picture of
16384 × 16384 pixels, which Pillow and its copy take 4 and 3 bytes a pixel for, is the largest that fits."""
MAX_DECODED = 2**35
"""Bytes that are decoded, piece by piece, for a small version of a plane: those of 180,000 × 180,000 grey pixels."""
MAX_PIXELS = 2**36
"""Of a plane of which a file has smaller versions too: 262,144 × 262,144."""
MAX_PIXEL_BYTES = 2**11
"""Of all channels of a pixel: a tile of 256 × 256 then takes 128 MiB."""
MAX_PAGES = 100_000
"""Each takes about a quarter of a millisecond when a file is opened."""
MAX_PLANES = 1_000_000
MAX_REDUCED = 32
"""Smaller versions of one page."""

CROP = "cut it into smaller parts in the program that it comes from"
EXPORT_TILED_OR_CROP = f"{EXPORT_TILED}, or {CROP}"
MASK_REMEDY = "export it with one channel of 8 bits, or cut it and its slide into smaller parts"


def check_bytes(path: Path, size: int, remedy: str = EXPORT_TILED_OR_CROP) -> None:
    """Raises SlideError if reading takes `size` bytes of memory at once, and that is too much."""
    if not fits(size):
        wanted, limit = amount(size), amount(MAX_BYTES)
        raise unreadable(path, f"it takes {wanted} of memory in one piece, more than the limit of {limit}", remedy)


def fits(size: int) -> bool:
    """Whether reading may take `size` bytes of memory at once."""
    return size <= MAX_BYTES


def check_plane(path: Path, shape: tuple[int, int], pixel_bytes: int) -> None:
    """Raises SlideError if a plane of `shape` (h, w) with so many bytes a pixel is too large, in whatever pieces."""
    height, width = shape
    if height * width > MAX_PIXELS:
        side = int(MAX_PIXELS**0.5)
        what = f"it has {width:,} × {height:,} pixels, more than the limit of {side:,} × {side:,}"
        raise unreadable(path, what, CROP)
    if pixel_bytes > MAX_PIXEL_BYTES:
        what = f"all channels of one pixel take {pixel_bytes:,} bytes, more than the limit of {MAX_PIXEL_BYTES:,}"
        raise unreadable(path, what, "export fewer channels")


def check_decoded(path: Path, shape: tuple[int, int], pixel_bytes: int) -> None:
    """Raises SlideError if so much has to be decoded before a small version of a plane of `shape` can be shown."""
    height, width = shape
    if height * width * pixel_bytes > MAX_DECODED:
        decoded, limit = amount(height * width * pixel_bytes), amount(MAX_DECODED)
        what = (
            f"to show all of its {width:,} × {height:,} pixels, {decoded} have to be decoded, more than the limit of "
            f"{limit}, for it has no smaller versions"
        )
        raise unreadable(path, what, f"export it as a pyramidal TIFF, or {CROP}")


def check_pages(path: Path, pages: int) -> None:
    """Raises SlideError if a file has too many pages, those with smaller versions included."""
    if pages > MAX_PAGES:
        raise unreadable(path, f"it has more than {MAX_PAGES:,} pages", "export it as several files")


def check_reduced(path: Path, versions: int) -> None:
    """Raises SlideError if one page has so many smaller versions that the file must be damaged."""
    if versions > MAX_REDUCED:
        what = f"it claims {versions:,} smaller versions of one page, more than the limit of {MAX_REDUCED}"
        raise unreadable(path, what, COPY_AGAIN)


def check_planes(path: Path, planes: int) -> None:
    """Raises SlideError if a slide has too many planes, or claims so."""
    if planes > MAX_PLANES:
        what = f"it claims to have {planes:,} planes, more than the limit of {MAX_PLANES:,}"
        raise unreadable(path, what, f"if it does, export it as several files; if not, {COPY_AGAIN}")
