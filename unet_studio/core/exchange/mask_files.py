"""Mask files: reading what other programs wrote, and writing masks that other programs can read."""

import io
import logging
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED, LabelClass, class_colour
from unet_studio.core.files import write_atomically
from unet_studio.core.tiles import Box
from unet_studio.errors import MaskError

# Without a handler of its own Python prints tifffile's remarks about odd tags to stderr.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

Values = NDArray[np.integer[Any]]
"""Mask values as a file has them: (h, w), or (planes, h, w) for a file of several pages."""

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TIFF_SUFFIXES = (".tif", ".tiff")
_NAMED_STRAYS = 5
_SIDE = 512


def read_mask(path: Path, *, merged: bool = False) -> Values:
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


def read_colours(path: Path) -> Values:
    """The colours in a mask file as 0xRRGGBB int32, shaped as by `read_mask`; a palette PNG gives its colours.

    Transparency is left out, grey counts as a colour, and of 16 bits the upper 8. Raises MaskError where the file
    can't be read.
    """
    stored = _read(path, _flat_colours)
    colours = stored[..., :3] if stored.shape[-1] > 2 else np.repeat(stored[..., :1], 3, axis=-1)
    levels = (colours >> 8 if colours.dtype == np.uint16 else colours).astype(np.int32)
    return _without_single_plane(levels[..., 0] << 16 | levels[..., 1] << 8 | levels[..., 2])


def to_classes(values: Values, *, classes: int, foreground: str | None) -> NDArray[np.uint8]:
    """Turn the raw values of a mask file into class indices of the same shape; 255 stays as unlabelled.

    Args:
        values: integers of any shape.
        classes: the number of the project's classes, background included.
        foreground: a number, or "nonzero": this value, or every value but 0, is class 1, the rest is background and
            nothing is unlabelled. None: the values are class indices already, unless there are two classes and no
            values but 0 and 255: then 255 is class 1.

    Raises MaskError where a value is no class, or `foreground` is neither a number nor "nonzero".
    """
    if foreground is not None:
        return np.asarray(_is_foreground(values, foreground), np.uint8)
    present, pixels = np.unique(values, return_counts=True)
    if classes == 2 and np.isin(present, (BACKGROUND, 255)).all():
        return np.asarray(values == 255, np.uint8)
    is_stray = ((present < 0) | (present >= classes)) & (present != UNLABELLED)
    if is_stray.any():
        raise MaskError(_about_strays(present[is_stray], pixels[is_stray], classes))
    return values.astype(np.uint8)


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
    _write(path, mask, pixel_size_um)


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
        _write(path, numbers.astype(np.uint16), pixel_size_um)
    else:
        _write(path, numbers.astype(np.uint32), pixel_size_um)


def _write(path: Path, values: NDArray[np.unsignedinteger[Any]], pixel_size_um: float | None) -> None:
    suffix = path.suffix.lower()
    if values.ndim != 2 and (values.ndim != 3 or suffix == ".png"):
        raise ValueError(f"a mask of shape {values.shape} can't be written as {suffix or path.name!r}")
    if suffix == ".png":
        write_atomically(path, _png(values))
    elif suffix in _TIFF_SUFFIXES:
        write_atomically(path, _tiff(values, pixel_size_um))
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
    write_atomically(path, _png(cv2.cvtColor(blended, cv2.COLOR_RGB2BGR)))


def blend_overlay(
    rgb: NDArray[np.uint8], mask: NDArray[np.uint8], colours: NDArray[np.uint8], opacity: float
) -> NDArray[np.uint8]:
    """Lay class colours over a slide, with a 1-pixel outline of each class in full colour inside its edge.

    Args:
        rgb: (h, w, 3) uint8.
        mask: (h, w) class indices; background, unlabelled and indices without a colour leave the slide as it is.
        colours: (classes, 3) uint8, the background's first.
        opacity: 0 shows the slide only, 1 the colours only.

    Raises MaskError where the shapes differ.
    """
    if rgb.shape[:2] != mask.shape:
        raise MaskError(f"The mask is {_size(mask)} pixels and its slide {_size(rgb[..., 0])}; they must be the same.")
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours)] = colours
    is_shown = (mask != BACKGROUND) & (mask < min(len(colours), UNLABELLED))
    colour = table[mask]
    blended = np.asarray(cv2.addWeighted(rgb, 1 - opacity, colour, opacity, 0), np.uint8)
    is_edge = _has_other_neighbour(mask)
    blended[is_edge] = colour[is_edge]
    return np.where(is_shown[..., None], blended, rgb)


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
        raise MaskError(
            f"The mask {path} can't be read as PNG, TIFF, BMP or JPEG: {error}. "
            "Open it in the program that made it and save it as PNG or TIFF."
        ) from error


def _without_single_plane(values: Values) -> Values:
    return values[0] if len(values) == 1 else values


def _tiff_values(data: bytes) -> NDArray[Any]:
    """(planes, h, w, samples) of the pages of a TIFF, whatever they mean: an inverting look-up table is not applied."""
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
    """(1, h, w, samples) of a PNG, BMP or JPEG."""
    stretch = 1
    if data.startswith(_PNG):
        data, stretch = _without_colours(data)
    values = _decode_quietly(data) // stretch
    return values.reshape(1, *values.shape[:2], -1)


def _flat_colours(data: bytes) -> NDArray[Any]:
    """(1, h, w, 3) red, green, blue uint8 of a PNG, BMP or JPEG."""
    if data.startswith(_PNG):
        _without_colours(data)  # for its look at the checksums, which OpenCV doesn't mind
    return _decode_quietly(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)[None, ..., ::-1]


def _decode_quietly(data: bytes, flags: int = cv2.IMREAD_UNCHANGED) -> Values:
    """What OpenCV decodes, without its remarks on stderr."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        values = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    finally:
        cv2.utils.logging.setLogLevel(level)
    if values is None:
        raise ValueError("it is damaged, empty, or of another format")
    return np.asarray(values, np.uint16 if values.dtype == np.uint16 else np.uint8)


def _without_colours(png: bytes) -> tuple[bytes, int]:
    """The PNG with nothing but its numbers, and the factor by which a decoder will stretch them.

    Palette indices are declared to be grey and the palette is dropped, as are transparency and colour profiles.
    Decoders stretch grey of less than 8 bits to 0…255.
    """
    kept, stretch = [_PNG], 1
    for kind, body in _png_chunks(png):
        if kind == b"IHDR":
            depth, colour_type = body[8], body[9]
            if colour_type == 3:
                body = body[:9] + b"\0" + body[10:]
            if depth < 8:
                stretch = 255 // (2**depth - 1)
        if kind in (b"IHDR", b"IDAT", b"IEND"):
            kept += [len(body).to_bytes(4), kind, body, zlib.crc32(kind + body).to_bytes(4)]
    return b"".join(kept), stretch


def _png_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) of each chunk up to the last; raises ValueError where the file is damaged."""
    start, kind = len(_PNG), b""
    while kind != b"IEND":
        end = start + 8 + int.from_bytes(png[start : start + 4])
        kind, body = png[start + 4 : start + 8], png[start + 8 : end]
        if zlib.crc32(kind + body).to_bytes(4) != png[end : end + 4]:
            raise ValueError("it is cut short or damaged")
        yield kind, body
        start = end + 4


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


def _as_integers(values: NDArray[Any], path: Path) -> Values:
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    # Comparisons with NaN and infinity are false, so neither passes.
    if not ((np.abs(values) < 2**31) & (values == np.rint(values))).all():
        raise MaskError(f"The mask {path} has fractions, such as probabilities have. Export it as class numbers.")
    return values.astype(np.int32)


def _is_foreground(values: Values, foreground: str) -> NDArray[np.bool_]:
    if foreground == "nonzero":
        return np.asarray(values != 0)
    if not re.fullmatch("-?[0-9]+", foreground):
        raise MaskError(f"The foreground “{foreground}” is neither a number, such as 255, nor the word nonzero.")
    return np.asarray(values == int(foreground))


def list_strays(strays: Values, pixels: NDArray[np.intp], *, show: Callable[[int], str] = str) -> str:
    """The first few values that mean nothing, each with its number of pixels, in words."""
    named = [
        f"{show(stray)} ({number} {'pixel' if number == 1 else 'pixels'})"
        for stray, number in zip(strays[:_NAMED_STRAYS].tolist(), pixels.tolist(), strict=False)
    ]
    if len(strays) > _NAMED_STRAYS:
        named.append(f"and {len(strays) - _NAMED_STRAYS} more ({pixels[_NAMED_STRAYS:].sum()} pixels)")
    return ", ".join(named)


def _about_strays(strays: Values, pixels: NDArray[np.intp], classes: int) -> str:
    return (
        f"The mask has values that are no class: {list_strays(strays, pixels)}; expected 0 to {classes - 1}, "
        f"or {UNLABELLED} for unlabelled. Add the missing classes, correct these pixels, say what each value means "
        "with --meaning, or use --foreground nonzero if every value but 0 means the same class."
    )


def _png(pixels: NDArray[Any]) -> bytes:
    """(h, w) grey, uint8 or uint16, or (h, w, 3) blue-green-red uint8 as a PNG file."""
    return cv2.imencode(".png", pixels)[1].tobytes()


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

    def write(file: BinaryIO) -> None:
        with tifffile.TiffWriter(file, bigtiff=True) as writer:
            for plane in planes:
                writer.write(
                    _tiles(plane, shape), shape=shape, dtype=np.uint8, tile=(_SIDE, _SIDE), **_page(pixel_size_um)
                )

    write_atomically(path, write)


def _tiles(plane: Callable[[Box], NDArray[np.uint8]], shape: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    whole = Box.of_shape(shape)
    for row in range(0, shape[0], _SIDE):
        band = plane(Box(row, 0, row + _SIDE, shape[1]).intersect(whole))
        for column in range(0, shape[1], _SIDE):
            yield band[:, column : column + _SIDE]


def _tiff(values: NDArray[np.unsignedinteger[Any]], pixel_size_um: float | None) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for plane in values.reshape(-1, *values.shape[-2:]):
            writer.write(plane, contiguous=False, **_page(pixel_size_um))
    return file.getvalue()


def _page(pixel_size_um: float | None) -> dict[str, Any]:
    """How every page of a mask is written."""
    facts: dict[str, Any] = {
        "photometric": "minisblack", "compression": "zlib", "metadata": None, "software": "U-Net Studio"
    }  # fmt: skip
    if pixel_size_um is not None:
        per_cm = 10_000 / pixel_size_um
        facts |= {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
    return facts


def _has_other_neighbour(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """True where one of the up to four neighbours has another value; the edge of the plane is no neighbour."""
    result = np.zeros(mask.shape, np.bool_)
    differs = mask[1:] != mask[:-1]
    result[1:] |= differs
    result[:-1] |= differs
    differs = mask[:, 1:] != mask[:, :-1]
    result[:, 1:] |= differs
    result[:, :-1] |= differs
    return result


def _size(values: NDArray[Any]) -> str:
    return " × ".join(str(side) for side in values.shape)
