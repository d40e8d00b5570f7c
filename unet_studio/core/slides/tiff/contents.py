"""Checks that a TIFF has all the pages that it promises: tifffile says nothing of missing ones."""

import struct
from pathlib import Path

from tifffile import TiffFile

from unet_studio.core.slides.reading_errors import COPY_AGAIN, check_length, unreadable


def check_contents(path: Path, tiff: TiffFile) -> None:
    """Raises SlideError if there are no pages, or if the chain of pages leads out of the file or back into itself."""
    form, file = tiff.tiff, tiff.filehandle
    pages: set[int] = set()
    link = form.offsetsize  # the first link of the chain is in the header, 4 or 8 bytes into the file
    while True:
        file.seek(link)
        page: int = struct.unpack(form.offsetformat, file.read(form.offsetsize))[0]
        if not page:
            break
        check_length(path, file.size, page + form.tagnosize)
        if page in pages:
            raise unreadable(path, "its table of contents is damaged", COPY_AGAIN)
        pages.add(page)
        file.seek(page)
        tags: int = struct.unpack(form.tagnoformat, file.read(form.tagnosize))[0]
        link = page + form.tagnosize + tags * form.tagsize
    if not pages:
        raise unreadable(path, "it has no pages", COPY_AGAIN)


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
