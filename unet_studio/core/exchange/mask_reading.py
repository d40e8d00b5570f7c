"""Reading mask files that other programs wrote: the values or the colours in them.

Which planes a file has, in which order, and which way is up is what it would be of a slide: a mask that some program
saved as it saved the slide lies on it pixel by pixel.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.exchange.mask_parts import parts
from unet_studio.core.slides.budget import MASK_REMEDY, check_bytes
from unet_studio.core.slides.image_files import PNG, check_png
from unet_studio.core.slides.opening import open_slide, read_stored
from unet_studio.core.slides.reading_errors import explained
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError, SlideError

_BAND_PIXELS = 2**20

MaskValues = NDArray[np.integer[Any]]
"""Mask values as a file has them: (h, w), or (planes, h, w) for a file of several planes."""


def read_mask(path: Path, *, merged: bool = False) -> MaskValues:
    """The values in an image file as stored: (h, w), or (planes, h, w) for a file of several planes.

    A palette gives its indices, 1-bit grey gives 0 and 1, and an inverting look-up table is not applied. Transparency
    is left out, three equal channels count as one, and floating-point values become integers where all are whole. With
    `merged` a pixel in colour counts as the largest of its channels.

    Raises MaskError where the file can't be read or takes too much memory, has its shapes in its transparency alone, is
    in colour but not `merged`, or has fractions.
    """
    try:
        stored = read_stored(path)
        check_bytes(path, stored.nbytes + _made_bytes(stored, merged=merged), MASK_REMEDY)
    except SlideError as error:
        raise MaskError(f"The mask {error}") from error
    _check_transparency(stored, path)
    values = _largest(stored) if merged and stored.shape[-1] > 2 else _one_channel(stored, path)
    return _without_single_plane(_as_integers(values, path))


def _made_bytes(stored: NDArray[Any], *, merged: bool) -> int:
    """What the values and then the classes take that are made of (planes, h, w, samples)."""
    pixels = math.prod(stored.shape[:3])
    return pixels * (1 + merged * stored.itemsize + (0 if stored.dtype.kind in "bu" else 4))


def read_colours(path: Path) -> MaskValues:
    """The colours that an image file shows as 0xRRGGBB int32, shaped as by `read_mask`.

    Transparency is left out, grey counts as a colour, and of 16 bits the upper 8. Raises MaskError where the file
    can't be read or takes too much memory.
    """
    try:
        _check_png(path)
        with open_slide(path) as reader:
            info = reader.info
            pixels = info.height * info.width
            # The plane as it is read, then all colours and the classes that they mean.
            check_bytes(path, pixels * (info.pixel_bytes + 5 * info.planes), MASK_REMEDY)
            colours = np.empty((info.planes, info.height, info.width), np.int32)
            rows = max(1, _BAND_PIXELS // info.width)
            for plane in range(info.planes):
                for y in range(0, info.height, rows):
                    band = Box(y, 0, min(y + rows, info.height), info.width)
                    colours[plane][band.slices] = _as_colours(reader.read(plane, band))
    except SlideError as error:
        raise MaskError(f"The mask {error}") from error
    return _without_single_plane(colours)


def _as_colours(pixels: NDArray[Any]) -> NDArray[np.int32]:
    """Pixels (h, w, channels) as 0xRRGGBB (h, w): grey or red, green and blue, of 16 bits the upper 8."""
    shown = pixels[..., :3] if pixels.shape[-1] > 2 else np.repeat(pixels[..., :1], 3, axis=-1)
    levels = (shown >> 8 if shown.dtype == np.uint16 else shown).astype(np.int32)
    return np.asarray(levels[..., 0] << 16 | levels[..., 1] << 8 | levels[..., 2])


def _check_png(path: Path) -> None:
    """Raise SlideError where a PNG is damaged anywhere: a slide may be looked at all the same, a mask must be right."""
    with explained(path):
        data = path.read_bytes()
        if data.startswith(PNG):
            check_png(data)


def _without_single_plane(values: MaskValues) -> MaskValues:
    return values[0] if len(values) == 1 else values


def _one_channel(stored: NDArray[Any], path: Path) -> NDArray[Any]:
    """(planes, h, w) out of (planes, h, w, samples); raises MaskError where the samples are colours."""
    first, samples = stored[..., 0], stored.shape[-1]
    if samples in (3, 4):
        is_grey = all(np.array_equal(first[part], stored[..., i][part]) for part in parts(first.shape) for i in (1, 2))
    else:
        is_grey = samples <= 2
    if not is_grey:
        raise MaskError(
            f"{path} is a colour mask; its colours don't say which class they mean. Export it as class numbers, "
            "or say what each means with --meaning, for example '#3C1098=roof'."
        )
    return first


def _check_transparency(stored: NDArray[Any], path: Path) -> None:
    """Raise MaskError where nothing but the transparency of (planes, h, w, samples) says what is where."""
    if stored.shape[-1] not in (2, 4) or not stored.size:
        return
    divided = [stored[part] for part in parts(stored.shape)]
    first = stored[0, 0, 0]
    has_one_colour = all((part[..., :-1] == first[:-1]).all() for part in divided)
    if has_one_colour and any((part[..., -1] != first[-1]).any() for part in divided):
        raise MaskError(
            f"{path} has one colour only and its shapes are in its transparency. Export it without transparency."
        )


def _largest(stored: NDArray[Any]) -> NDArray[Any]:
    """The largest of the first three samples, (planes, h, w), of (planes, h, w, samples)."""
    largest = np.empty(stored.shape[:3], stored.dtype)
    for part in parts(largest.shape):
        largest[part] = stored[..., :3][part].max(axis=-1)
    return largest


def _as_integers(values: NDArray[Any], path: Path) -> MaskValues:
    if values.dtype == np.bool_:
        return values.view(np.uint8)
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    whole = np.empty(values.shape, np.int32)
    for part in parts(values.shape):
        # Comparisons with NaN and infinity are false, so neither passes.
        if not ((np.abs(values[part]) < 2**31) & (values[part] == np.rint(values[part]))).all():
            raise MaskError(f"The mask {path} has fractions, such as probabilities have. Export it as class numbers.")
        whole[part] = values[part]
    return whole
