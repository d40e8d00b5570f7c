"""Thumbnails of slides, read small and displayed so that they show something."""

from pathlib import Path

from PySide6.QtGui import QImage

from unet_studio.core.figures.display import auto_display, read_small, to_rgb
from unet_studio.core.slides.opening import open_slide

_MOST = 191


def read_thumbnail(path: Path) -> QImage:
    """The first plane of a slide at about 96 to 192 pixels; raises `SlideError`. Meant for a thread."""
    with open_slide(path) as reader:
        pixels = read_small(reader, 0, most=_MOST)
    rgb = to_rgb(pixels, auto_display(pixels))
    height, width = rgb.shape[:2]
    return QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
