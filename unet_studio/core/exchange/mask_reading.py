"""Reading mask files that other programs wrote: the values or the colours in them.

Which planes a file has, in which order, and which way is up is what it would be of a slide: a mask that some program
saved as it saved the slide lies on it pixel by pixel.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.slides.image_files import PNG, check_png
from unet_studio.core.slides.opening import open_slide, read_stored
from unet_studio.core.slides.reading_errors import explained
from unet_studio.errors import MaskError, SlideError

MaskValues = NDArray[np.integer[Any]]
"""Mask values as a file has them: (h, w), or (planes, h, w) for a file of several planes."""


def read_mask(path: Path, *, merged: bool = False) -> MaskValues:
    """The values in an image file as stored: (h, w), or (planes, h, w) for a file of several planes.

    A palette gives its indices, 1-bit grey gives 0 and 1, and an inverting look-up table is not applied. Transparency
    is left out, three equal channels count as one, and floating-point values become integers where all are whole. With
    `merged` a pixel in colour counts as the largest of its channels.

    Raises MaskError where the file can't be read, has its shapes in its transparency alone, is in colour but not
    `merged`, or has fractions.
    """
    try:
        stored = read_stored(path)
    except SlideError as error:
        raise MaskError(f"The mask {error}") from error
    _check_transparency(stored, path)
    values = stored[..., :3].max(axis=-1) if merged and stored.shape[-1] > 2 else _one_channel(stored, path)
    return _without_single_plane(_as_integers(values, path))


def read_colours(path: Path) -> MaskValues:
    """The colours that an image file shows as 0xRRGGBB int32, shaped as by `read_mask`.

    Transparency is left out, grey counts as a colour, and of 16 bits the upper 8. Raises MaskError where the file
    can't be read.
    """
    try:
        _check_png(path)
        with open_slide(path) as reader:
            stored = np.stack([reader.read(plane, reader.info.box()) for plane in range(reader.info.planes)])
    except SlideError as error:
        raise MaskError(f"The mask {error}") from error
    colours = stored[..., :3] if stored.shape[-1] > 2 else np.repeat(stored[..., :1], 3, axis=-1)
    levels = (colours >> 8 if colours.dtype == np.uint16 else colours).astype(np.int32)
    return _without_single_plane(levels[..., 0] << 16 | levels[..., 1] << 8 | levels[..., 2])


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
        is_grey = all(np.array_equal(first, stored[..., i]) for i in (1, 2))
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
    colours, alpha = stored[..., :-1], stored[..., -1]
    if (colours == colours[0, 0, 0]).all() and (alpha != alpha[0, 0, 0]).any():
        raise MaskError(
            f"{path} has one colour only and its shapes are in its transparency. Export it without transparency."
        )


def _as_integers(values: NDArray[Any], path: Path) -> MaskValues:
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    # Comparisons with NaN and infinity are false, so neither passes.
    if not ((np.abs(values) < 2**31) & (values == np.rint(values))).all():
        raise MaskError(f"The mask {path} has fractions, such as probabilities have. Export it as class numbers.")
    return values.astype(np.int32)
