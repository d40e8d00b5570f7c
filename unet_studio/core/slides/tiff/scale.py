"""Finds the size of a pixel in the metadata that microscopes and their programs write into a TIFF."""

import math
import re
from xml.etree import ElementTree

from tifffile import TiffFile

# Inches are left out: they come from a resolution for printing rather than from a microscope.
_MICROMETRES = {
    "m": 1e6, "cm": 1e4, "mm": 1e3, "nm": 1e-3, "pm": 1e-6, "å": 1e-4, "a": 1e-4,
    "µm": 1.0, "μm": 1.0, "um": 1.0, "\\u00b5m": 1.0,
    "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "micrometre": 1.0,
}  # fmt: skip
_APERIO = re.compile(r"\bMPP\s*=\s*([0-9.]+)")


def pixel_size_um(tiff: TiffFile) -> float | None:
    """Side of a pixel of the first series in µm, from OME-XML, ImageJ's or Aperio's metadata; None if unknown."""
    try:
        if tiff.is_ome:
            sides = _of_ome(tiff.ome_metadata or "")
        elif tiff.is_imagej:
            sides = _of_imagej(tiff)
        else:
            sides = _of_aperio(tiff.pages.first.description)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, ElementTree.ParseError):
        return None  # metadata that make no sense count as none
    return _side(*sides) if sides else None


def _side(height: float, width: float) -> float | None:
    """Side of the square of the same area; None if that is no length."""
    side = height if height == width else math.sqrt(height * width)
    return side if math.isfinite(side) and side > 0 else None


def _of_ome(xml: str) -> tuple[float, float] | None:
    pixels = ElementTree.fromstring(xml).find(".//{*}Pixels")
    if pixels is None:
        return None
    height, width = (
        float(pixels.attrib[f"PhysicalSize{axis}"])
        * _MICROMETRES[pixels.attrib.get(f"PhysicalSize{axis}Unit", "µm").lower()]
        for axis in "YX"
    )
    return height, width


def _of_imagej(tiff: TiffFile) -> tuple[float, float] | None:
    unit = _MICROMETRES[str((tiff.imagej_metadata or {})["unit"]).lower()]
    tags = tiff.pages.first.tags
    (across, per_width), (down, per_height) = tags["XResolution"].value, tags["YResolution"].value
    return unit * per_height / down, unit * per_width / across


def _of_aperio(description: str) -> tuple[float, float] | None:
    found = _APERIO.search(description)
    return (float(found[1]), float(found[1])) if found else None
