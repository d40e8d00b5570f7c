"""The fingerprint of labels: a short text by which they can be told to be the same."""

import hashlib
from collections.abc import Iterable

import numpy as np

from unet_studio.core.labels.plane import LabelPlane, PlaneId


def fingerprint_labels(planes: Iterable[tuple[PlaneId, LabelPlane]]) -> str:
    """Of every label and which slide it is on, 16 digits: the same labels in the same order give the same text."""
    digest = hashlib.sha256()
    for plane, labels in planes:
        digest.update(f"{plane.slide}:{plane.plane}".encode())
        for cell in sorted(labels.cells):
            digest.update(repr(cell).encode())
            digest.update(np.ascontiguousarray(labels.tile(cell)).tobytes())
    return digest.hexdigest()[:16]
