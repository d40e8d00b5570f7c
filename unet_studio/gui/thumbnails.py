"""Thumbnails of slides, read small and with a contrast that shows something."""

from pathlib import Path

import numpy as np
from PySide6.QtGui import QImage

from unet_studio.core.display import auto_contrast, to_rgb
from unet_studio.core.reading import open_slide
from unet_studio.core.tiles import Box

_SIDE = 96


def read_thumbnail(path: Path) -> QImage:
    """The first plane of a slide at about 96 to 192 pixels; raises `SlideError`. Meant for a thread."""
    with open_slide(path) as reader:
        info = reader.info
        shrink = 1
        while max(info.height, info.width) // (2 * shrink) >= _SIDE:
            shrink *= 2
        whole = Box(0, 0, -(-info.height // shrink), -(-info.width // shrink))
        pixels = reader.read(0, whole, shrink=shrink)
    rgb = np.ascontiguousarray(to_rgb(pixels, auto_contrast(pixels)))
    height, width = rgb.shape[:2]
    return QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
