"""Checks that a TIFF has the pages that it promises, and how many: tifffile says nothing of missing ones."""

import math
import struct
import sys
from pathlib import Path
from xml.etree import ElementTree

from tifffile import TiffFile

from unet_studio.core.slides.budget import check_bytes, check_pages, check_planes, check_reduced
from unet_studio.core.slides.reading_errors import COPY_AGAIN, check_length, unreadable

_WIDTH, _LENGTH, _SUB_IFDS = 256, 257, 330
_TABLE_BYTES = 1024  # of a page, read at once; few are longer
# Of an entry in the table of a page: tag, kind of number, how many of them, the value or where it is.
_ENTRY = {12: "HHI4s", 20: "HHQ8s"}
_WHOLE = {3: "H", 4: "I", 16: "Q"}  # kinds of numbers
_FRAME_BYTES = 32  # of what tifffile keeps for a page that is missing, with room to spare
_ALONG = (("Start", "0"), ("End", "0"), ("Step", "1"))


def check_contents(path: Path, tiff: TiffFile) -> int:
    """Check the chain of pages, and return how many pixels the smallest of them has.

    Raises SlideError if there are no pages or too many, or if the chain leads out of the file or back into itself.
    """
    form, file = tiff.tiff, tiff.filehandle
    pages: set[int] = set()
    reduced, smallest = 0, sys.maxsize
    file.seek(form.offsetsize)  # the first link of the chain is in the header, 4 or 8 bytes into the file
    link = file.read(form.offsetsize)
    while True:
        page: int = struct.unpack(form.offsetformat, link)[0]
        if not page:
            break
        check_length(path, file.size, page + form.tagnosize)
        if page in pages:
            raise unreadable(path, "its table of contents is damaged", COPY_AGAIN)
        pages.add(page)
        file.seek(page)
        table = file.read(_TABLE_BYTES)
        tags: int = struct.unpack_from(form.tagnoformat, table)[0]
        end = form.tagnosize + tags * form.tagsize
        if end + form.offsetsize > len(table):
            table += file.read(min(end + form.offsetsize, file.size) - len(table))
        link = table[end : end + form.offsetsize]
        pixels, versions = _read_page(tiff, table[form.tagnosize : end])
        check_reduced(path, versions)
        reduced += versions
        smallest = min(smallest, pixels)
        check_pages(path, len(pages) + reduced)
    if not pages:
        raise unreadable(path, "it has no pages", COPY_AGAIN)
    return smallest


def _read_page(tiff: TiffFile, table: bytes) -> tuple[int, int]:
    """How many pixels a page has by its table, 1 or more, and how many smaller versions."""
    order, size = tiff.byteorder, tiff.tiff.tagsize
    sides, versions = {_WIDTH: 1, _LENGTH: 1}, 0
    for tag, kind, count, value in struct.iter_unpack(order + _ENTRY[size], table[: len(table) // size * size]):
        if tag in sides:
            number = struct.Struct(order + _WHOLE.get(kind, "I"))
            sides[tag] = number.unpack_from(value)[0] if number.size <= len(value) else 1
        elif tag == _SUB_IFDS:
            versions = count
    return max(1, sides[_WIDTH] * sides[_LENGTH]), versions


def check_ome(path: Path, tiff: TiffFile, smallest: int) -> None:
    """Raises SlideError if OME-XML claims more planes than a slide can have; pages have `smallest` pixels or more."""
    if not tiff.is_ome:
        return
    try:
        elements = list(ElementTree.fromstring(tiff.ome_metadata or "").iter())
    except ElementTree.ParseError:
        return  # tifffile then takes pages as they come
    for element in elements:
        name = element.tag.rpartition("}")[2]
        if name == "Pixels":
            sizes = {axis: max(1, _whole(element.get(f"Size{axis}", "1"))) for axis in "XYZCT"}
            check_planes(path, sizes["Z"] * sizes["C"] * sizes["T"])
            check_bytes(path, _FRAME_BYTES * (math.prod(sizes.values()) // smallest))
        elif name == "TiffData":
            check_planes(path, max(_whole(element.get(key, "0")) for key in ("PlaneCount", "NumPlanes", "IFD")))
        elif name[:-1].endswith("Along"):
            start, end, step = (float(element.get(key, default)) for key, default in _ALONG)
            check_planes(path, int(abs(end - start) / abs(step)) if step else 0)


def _whole(text: str) -> int:
    """The number that a text says; 0 where it is none, which tifffile finds out."""
    try:
        return int(text)
    except ValueError:
        return 0


def check_hyperstack(path: Path, tiff: TiffFile) -> None:
    """Raises SlideError if ImageJ wrote all planes behind the first page and the file ends before the last of them."""
    if not tiff.is_imagej or tiff.series[0].kind == "imagej" or len(tiff.pages) > 1:
        return
    first = tiff.pages.first
    images = (tiff.imagej_metadata or {}).get("images", 1)
    start = first.dataoffsets[0]
    # With no second plane there, it's rather a single page that some program took out of a stack.
    if first.is_final and tiff.filehandle.size >= start + 2 * first.nbytes:
        check_length(path, tiff.filehandle.size, start + images * first.nbytes)
