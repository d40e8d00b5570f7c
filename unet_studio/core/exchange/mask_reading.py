"""Reading mask files that other programs wrote: the values or the colours in them, as stored."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.slides.image_files import PNG, check_png, decode_png, open_image, png_kind
from unet_studio.errors import MaskError

if TYPE_CHECKING:
    from PIL.Image import Image

MaskValues = NDArray[np.integer[Any]]
"""Mask values as a file has them: (h, w), or (planes, h, w) for a file of several pages."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_mask(path: Path, *, merged: bool = False) -> MaskValues:
    """The values in a PNG, TIFF, BMP or JPEG file as stored: (h, w), or (planes, h, w) for a TIFF of several pages.

    A palette PNG or TIFF gives its indices and 1-bit grey gives 0 and 1. Transparency is left out, three equal
    channels count as one, and floating-point values become integers where all are whole. With `merged` a pixel in
    colour counts as the largest of its channels.

    Raises MaskError where the file can't be read, has its shapes in its transparency alone, is in colour but not
    `merged`, or has fractions.
    """
    stored = _read(path, _flat_values)
    _check_transparency(stored, path)
    values = stored[..., :3].max(axis=-1) if merged and stored.shape[-1] > 2 else _one_channel(stored, path)
    return _without_single_plane(_as_integers(values, path))


def read_colours(path: Path) -> MaskValues:
    """The colours in a mask file as 0xRRGGBB int32, shaped as by `read_mask`; a palette PNG gives its colours.

    Transparency is left out, grey counts as a colour, and of 16 bits the upper 8. Raises MaskError where the file
    can't be read.
    """
    stored = _read(path, _flat_colours)
    colours = stored[..., :3] if stored.shape[-1] > 2 else np.repeat(stored[..., :1], 3, axis=-1)
    levels = (colours >> 8 if colours.dtype == np.uint16 else colours).astype(np.int32)
    return _without_single_plane(levels[..., 0] << 16 | levels[..., 1] << 8 | levels[..., 2])


def _read(path: Path, decode: Callable[[bytes], NDArray[Any]]) -> NDArray[Any]:
    """(planes, h, w, samples) of a TIFF, or of another file as `decode` has it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MaskError(f"The mask {path} can't be opened: {error.strerror}. Check its name and place.") from error
    try:
        return _tiff_values(data) if data.startswith(_TIFF) else decode(data)
    # A damaged file makes the decoders raise almost anything.
    except Exception as error:
        detail = "it is cut short or damaged" if isinstance(error, (OSError, SyntaxError)) else error
        raise MaskError(
            f"The mask {path} can't be read as PNG, TIFF, BMP or JPEG: {detail}. "
            "Open it in the program that made it and save it as PNG or TIFF."
        ) from error


def _without_single_plane(values: MaskValues) -> MaskValues:
    return values[0] if len(values) == 1 else values


def _tiff_values(data: bytes) -> NDArray[Any]:
    """(planes, h, w, samples) of the pages of a TIFF, whatever they mean: an inverting look-up table is not applied."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        if len(file.series) != 1:
            raise ValueError(f"it holds {len(file.series)} images of different sizes or kinds")
        values, axes = file.series[0].asarray(), file.series[0].axes
    if "S" in axes:
        values, axes = np.moveaxis(values, axes.index("S"), -1), axes.replace("S", "")
    else:
        values = values[..., None]
    if not axes.endswith("YX"):
        raise ValueError(f"its axes are {axes}, expected …YX")
    return values.reshape(-1, *values.shape[-3:])


def _flat_values(data: bytes) -> NDArray[Any]:
    """(1, h, w, samples) of a PNG, BMP, JPEG or the like; of a PNG with a palette the indices."""
    depth, has_palette = png_kind(io.BytesIO(data))
    if depth >= 8 and not has_palette:
        return _with_samples(decode_png(data))
    with _opened(data) as image:
        if has_palette:
            return _with_samples(np.asarray(image))
        if depth:  # Pillow stretches fewer bits than 8 to 0…255
            return _with_samples(np.asarray(image.convert("L")) // (255 // (2**depth - 1)))
        return _with_samples(np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB")))


def _flat_colours(data: bytes) -> NDArray[Any]:
    """(1, h, w, samples) of a PNG, BMP, JPEG or the like, uint8 red, green, blue, or as stored for 16 bits."""
    if png_kind(io.BytesIO(data))[0] == 16:
        return _with_samples(decode_png(data))
    with _opened(data) as image:
        return _with_samples(np.asarray(image.convert("RGB")))


def _opened(data: bytes) -> "Image":
    if data.startswith(PNG):
        check_png(data)
    image = open_image(io.BytesIO(data))
    if image is None:
        raise ValueError("it is damaged, empty, or of another format")
    image.info.pop("transparency", None)  # it changes no value, and Pillow would warn of it
    return image


def _with_samples(values: NDArray[Any]) -> NDArray[Any]:
    """(1, h, w, samples) of (h, w) or (h, w, samples)."""
    return values.reshape(1, *values.shape[:2], -1)


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
