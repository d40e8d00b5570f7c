"""Fingerprints: short texts by which labels and models can be told to be the same."""

import hashlib
from collections.abc import Collection
from pathlib import Path

import numpy as np

from unet_studio.core.project.store import Project


def labels_fingerprint(project: Project, *, without: Collection[str] = ()) -> str:
    """Of every label and which slide it is on; 16 digits, as on the cards of models (which leave the audit out)."""
    digest = hashlib.sha256()
    for plane in project.labelled_planes():
        if plane.plane.slide in without:
            continue
        labels = project.labels(plane.plane, plane.shape)
        digest.update(f"{plane.plane.slide}:{plane.plane.plane}".encode())
        for cell in sorted(labels.cells):
            digest.update(repr(cell).encode())
            digest.update(np.ascontiguousarray(labels.tile(cell)).tobytes())
    return digest.hexdigest()[:16]


def file_fingerprint(file: Path) -> str:
    """Of all bytes of a file; 16 digits, or "missing" where it can't be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()[:16]
    except OSError:
        return "missing"
