"""Turns the samples that a TIFF stores into the channels that a slide has."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, TiffPage

from unet_studio.core.slides.reader import Pixels

_NODATA = 42113
_ALPHA = (EXTRASAMPLE.ASSOCALPHA, EXTRASAMPLE.UNASSALPHA)
_LAB = (PHOTOMETRIC.CIELAB, PHOTOMETRIC.ICCLAB, PHOTOMETRIC.ITULAB, PHOTOMETRIC.LOGLUV)
# These codecs give RGB for YCbCr.
_CONVERTED = (
    COMPRESSION.JPEG,
    COMPRESSION.ALT_JPEG,
    COMPRESSION.JPEG_2000_LOSSY,
    COMPRESSION.JPEG2000,
    COMPRESSION.WEBP,
)


class UnknownColourError(ValueError):
    """The samples of a page mean colours in a way that isn't supported; the message names the way."""


@dataclass(frozen=True, slots=True)
class TiffColour:
    """How to turn samples of a page into pixels.

    Attributes:
        kept: the samples that aren't alpha.
        photometric: what they mean.
        white: the largest value a sample can have, if it's an unsigned integer.
        palette: (colours, 3) uint8, if samples are indices into it.
        nodata: the value that the file declares to mean that nothing was measured; such pixels become NaN.
    """

    kept: tuple[int, ...]
    photometric: int
    white: int
    palette: NDArray[np.uint8] | None
    nodata: float | None = None

    @classmethod
    def of_page(cls, page: TiffPage) -> "TiffColour":
        """Raises UnknownColourError if there is no way to tell the colours."""
        _check_supported(page)
        bits = page.bitspersample
        white = 2**bits - 1 if isinstance(bits, int) and page.dtype is not None and page.dtype.kind in "bu" else 0
        palette = _palette(page) if page.photometric == PHOTOMETRIC.PALETTE else None
        nodata = _nodata(page) if palette is None else None
        return cls(_kept_samples(page), page.photometric, white, palette, nodata)

    def pixels(self, samples: NDArray[Any]) -> Pixels:
        """Pixels, (height, width, channels), of samples as decoded, (height, width, samples)."""
        if len(self.kept) < samples.shape[2]:
            samples = samples[:, :, self.kept]
        if self.palette is not None:
            pixels: Pixels = self.palette[samples[:, :, 0].astype(np.intp)]
            return pixels
        if self.nodata is not None:
            is_gone = (samples == samples.dtype.type(self.nodata)).all(axis=2)
            measured = replace(self, kept=tuple(range(samples.shape[2])), nodata=None).pixels(samples)
            pixels = measured.astype(np.float32)
            pixels[is_gone] = np.nan
            return pixels
        if self.photometric == PHOTOMETRIC.SEPARATED:
            return _rgb_of_cmyk(samples, self.white)
        if self.photometric == PHOTOMETRIC.MINISWHITE and self.white:
            samples = ~samples if samples.dtype == bool else samples.dtype.type(self.white) - samples
        return _as_supported(samples)


def _check_supported(page: TiffPage) -> None:
    if page.photometric == PHOTOMETRIC.YCBCR and page.compression not in _CONVERTED:
        raise UnknownColourError("colours stored as YCbCr, but not as JPEG does")
    if page.compression == COMPRESSION.APERIO_JP2000_YCBC:
        # Whether the decoder turns it into RGB depends on the subsampling, which it doesn't tell.
        raise UnknownColourError("colours stored as YCbCr in JPEG 2000")
    if page.photometric in _LAB:
        raise UnknownColourError("colours stored as CIE Lab")
    if page.photometric == PHOTOMETRIC.SEPARATED and (
        page.dtype not in (np.uint8, np.uint16) or page.samplesperpixel < 4
    ):
        raise UnknownColourError("inks other than CMYK with 8 or 16 bits")
    if page.dtype is None or page.dtype.kind not in "buif":
        raise UnknownColourError(f"numbers of the kind {page.dtype}")


def _kept_samples(page: TiffPage) -> tuple[int, ...]:
    """Indices of the samples that aren't alpha.

    Samples beyond red, green and blue of which the file says nothing at all are alpha too, as OpenCV writes them; those
    that it declares to be unspecified are data.
    """
    if page.photometric == PHOTOMETRIC.RGB and not page.extrasamples:
        return tuple(range(min(3, page.samplesperpixel)))
    first_extra = page.samplesperpixel - len(page.extrasamples)
    extra = tuple(first_extra + i for i, kind in enumerate(page.extrasamples) if kind not in _ALPHA)
    return (*range(first_extra), *extra)


def _nodata(page: TiffPage) -> float | None:
    """The value that GDAL writes for pixels of which nothing is known; None where it declares none that can occur."""
    dtype, text = page.dtype, page.tags.valueof(_NODATA, "")
    if dtype is None or dtype.kind not in "uif":
        return None
    try:
        value = float(str(text).strip("\0 "))
    except ValueError:
        return None
    if dtype.kind == "f":
        return None if np.isnan(value) else value
    limits = np.iinfo(dtype)
    return value if limits.min <= value <= limits.max and value.is_integer() else None


def _palette(page: TiffPage) -> NDArray[np.uint8]:
    if page.colormap is None or page.dtype is None or page.dtype.kind not in "bu":
        raise UnknownColourError("a palette without colours")
    colours = np.asarray(page.colormap).T
    # Colours have 16 bits, but some old programs wrote 8.
    return (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)


def _rgb_of_cmyk(samples: NDArray[Any], white: int) -> Pixels:
    light = white - samples[:, :, :4].astype(np.uint32)
    rgb: Pixels = (light[:, :, :3] * light[:, :, 3:] + white // 2) // white
    return rgb.astype(samples.dtype)


def _as_supported(samples: NDArray[Any]) -> Pixels:
    """uint8 and uint16 as they are, bits as 0 and 255, all else as float32."""
    if samples.dtype == bool:
        return samples.astype(np.uint8) * np.uint8(255)
    if samples.dtype in (np.uint8, np.uint16):
        return samples
    with np.errstate(all="ignore"):
        return samples.astype(np.float32)
