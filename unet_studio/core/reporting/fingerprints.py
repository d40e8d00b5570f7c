"""Fingerprints: short texts by which labels and models can be told to be the same."""

import hashlib
from collections.abc import Collection
from pathlib import Path

from unet_studio.core.labels.fingerprint import fingerprint_labels
from unet_studio.core.project.store import Project


def labels_fingerprint(project: Project, *, without: Collection[str] = ()) -> str:
    """Of every label and which slide it is on; 16 digits, as on the cards of models (which leave the audit out)."""
    planes = (plane for plane in project.labelled_planes() if plane.plane.slide not in without)
    return fingerprint_labels((plane.plane, project.labels(plane.plane, plane.shape)) for plane in planes)


def file_fingerprint(file: Path) -> str:
    """Of all bytes of a file; 16 digits, or "missing" where it can't be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()[:16]
    except OSError:
        return "missing"
