"""Writing masks as files that other programs can read, each replaced only when all of it is written."""

import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED, LabelClass, class_colour
from unet_studio.core.figures.mask_colours import blend_overlay
from unet_studio.core.files import write_atomically
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError

_TIFF_SUFFIXES = (".tif", ".tiff")
_SIDE = 512
_PROGRAM = "U-Net Studio"
_PNG_HEADER = 33  # bytes before which no chunk may come
# What an exported file says of itself, so that an import knows what 255 means in it.
_MARK = re.compile(rb"U-Net Studio(?:\0|, )values: ([a-z]+)")
_MARK_WITHIN = 4096


def write_mask(
    path: Path, mask: NDArray[np.uint8], *, values: str = "index", pixel_size_um: float | None = None
) -> None:
    """Write class indices as .png, .tif or .tiff, replacing a file that is there only when all is written.

    Args:
        path: its suffix decides on the format.
        mask: (h, w), or for TIFF also (planes, h, w), which becomes one page a plane.
        values: "index" writes the indices as they are, "binary" writes 255 for every class but background.
        pixel_size_um: side of a pixel in micrometres; goes into a TIFF's resolution.

    Raises StudioError where the file can't be written, ValueError for other suffixes, shapes and `values`.
    """
    if values not in ("index", "binary"):
        raise ValueError(f"values must be 'index' or 'binary', not {values!r}")
    if values == "binary":
        is_class = (mask != BACKGROUND) & (mask != UNLABELLED)
        mask = is_class.astype(np.uint8) * 255
    _write(path, mask, values, pixel_size_um)


def write_instances(path: Path, numbers: NDArray[np.int32], *, pixel_size_um: float | None = None) -> None:
    """Write instance numbers, 0 for none, as 16-bit .png or 32-bit .tif or .tiff; otherwise as `write_mask`.

    Raises MaskError where there are more instances than a 16-bit PNG can number.
    """
    if path.suffix.lower() == ".png":
        if numbers.max(initial=0) > np.iinfo(np.uint16).max:
            raise MaskError(
                f"'{path.name}' would have {numbers.max()} instances, but a PNG can number only "
                f"{np.iinfo(np.uint16).max}. Export them as TIFF."
            )
        _write(path, numbers.astype(np.uint16), "instances", pixel_size_um)
    else:
        _write(path, numbers.astype(np.uint32), "instances", pixel_size_um)


def _write(path: Path, values: NDArray[np.unsignedinteger[Any]], kind: str, pixel_size_um: float | None) -> None:
    suffix = path.suffix.lower()
    if values.ndim != 2 and (values.ndim != 3 or suffix == ".png"):
        raise ValueError(f"a mask of shape {values.shape} can't be written as {suffix or path.name!r}")
    if suffix == ".png":
        write_atomically(path, _png(values, kind))
    elif suffix in _TIFF_SUFFIXES:
        write_atomically(path, _tiff(values, kind, pixel_size_um))
    else:
        raise ValueError(f"masks are written as .png, .tif or .tiff, not {path.name!r}")


def write_overlay(
    path: Path, rgb: NDArray[np.uint8], mask: NDArray[np.uint8], classes: Sequence[LabelClass], *, opacity: float = 0.45
) -> None:
    """Write a PNG of the slide, (h, w, 3) uint8, under the colours of `mask`, (h, w) class indices.

    Raises StudioError where the file can't be written, MaskError where the shapes differ.
    """
    last = max((one.index for one in classes), default=BACKGROUND)
    named = {one.index: one.colour for one in classes}
    colours = np.array([named.get(index, class_colour(index)) for index in range(last + 1)], np.uint8)
    blended = blend_overlay(rgb, mask, colours, opacity)
    write_atomically(path, _png(cv2.cvtColor(blended, cv2.COLOR_RGB2BGR), "overlay"))


def written_values(path: Path) -> str:
    """What the values of a file mean by the word of the program that wrote it: "index", "binary", "instances" or
    "overlay", as said in its text; empty where another program wrote it, or it can't be read."""
    try:
        with path.open("rb") as file:
            start = file.read(_MARK_WITHIN)
    except OSError:
        return ""
    found = _MARK.search(start)
    return found[1].decode() if found else ""


def _png(pixels: NDArray[Any], kind: str) -> bytes:
    """(h, w) grey, uint8 or uint16, or (h, w, 3) blue-green-red uint8 as a PNG file that says what it is."""
    data = cv2.imencode(".png", pixels)[1].tobytes()
    text = b"tEXt" + f"{_PROGRAM}\0values: {kind}".encode()
    chunk = (len(text) - 4).to_bytes(4) + text + zlib.crc32(text).to_bytes(4)
    return data[:_PNG_HEADER] + chunk + data[_PNG_HEADER:]


def write_tiled_mask(
    path: Path,
    planes: Sequence[Callable[[Box], NDArray[np.uint8]]],
    shape: tuple[int, int],
    *,
    pixel_size_um: float | None = None,
) -> None:
    """Write a mask of any size as a tiled TIFF with a page for each plane, as `write_mask` does in one piece.

    Each plane, of `shape` (h, w), is a function that gives class indices (h, w) of a box on it. It is asked row by row
    of tiles, so that memory follows the width of the plane.
    """

    import tifffile

    def write(file: BinaryIO) -> None:
        with tifffile.TiffWriter(file, bigtiff=True) as writer:
            for plane in planes:
                writer.write(
                    _tiles(plane, shape),
                    shape=shape,
                    dtype=np.uint8,
                    tile=(_SIDE, _SIDE),
                    **_page("index", pixel_size_um),
                )

    write_atomically(path, write)


def _tiles(plane: Callable[[Box], NDArray[np.uint8]], shape: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    whole = Box.of_shape(shape)
    for row in range(0, shape[0], _SIDE):
        band = plane(Box(row, 0, row + _SIDE, shape[1]).intersect(whole))
        for column in range(0, shape[1], _SIDE):
            yield band[:, column : column + _SIDE]


def _tiff(values: NDArray[np.unsignedinteger[Any]], kind: str, pixel_size_um: float | None) -> bytes:
    import tifffile

    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for plane in values.reshape(-1, *values.shape[-2:]):
            writer.write(plane, contiguous=False, **_page(kind, pixel_size_um))
    return file.getvalue()


def _page(kind: str, pixel_size_um: float | None) -> dict[str, Any]:
    """How every page of a mask is written."""
    facts: dict[str, Any] = {
        "photometric": "minisblack", "compression": "zlib", "metadata": None, "software": _PROGRAM,
        "description": f"{_PROGRAM}, values: {kind}",
    }  # fmt: skip
    if pixel_size_um is not None:
        per_cm = 10_000 / pixel_size_um
        facts |= {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
    return facts
