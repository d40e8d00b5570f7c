"""The snapshot: what a training reads of a project, all of one moment, while a person paints on."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from unet_studio.core.classes import LabelClass
from unet_studio.core.labels.fingerprint import fingerprint_labels
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_labels import LabelledPlane
from unet_studio.errors import StoredDataError, StudioError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a training reads of a project, all of one moment."""

    classes: tuple[LabelClass, ...]
    hold_out: frozenset[str]
    planes: tuple[tuple[LabelledPlane, LabelPlane], ...]
    audit: frozenset[str] = frozenset()
    in_bulk: frozenset[PlaneId] = frozenset()
    """Planes that were accepted from a model, many at once, and not looked at since."""

    def fingerprint(self) -> str:
        """Of every label and which slide it is on: the same labels give the same text."""
        return fingerprint_labels((plane.plane, labels) for plane, labels in self.planes)

    def describe(self) -> str:
        """What a model's card says of what it learned from; the fingerprint is of all labels, the hold-out's too."""
        learned = [plane for plane, _ in self.planes if plane.plane.slide not in self.hold_out]
        slides, pixels = {plane.plane.slide for plane in learned}, sum(plane.labelled for plane in learned)
        noun = "slide" if len(slides) == 1 else "slides"
        return f"{len(slides)} {noun}, {pixels} labelled pixels, labels {self.fingerprint()}"


def read_snapshot(project: Project, *, each: Callable[[], None] = lambda: None) -> Snapshot:
    """What `read_labels` reads; raises `StudioError` where there are no labels to learn from."""
    snapshot = read_labels(project, each=each)
    if not snapshot.planes:
        beside = " outside the audit sample" if snapshot.audit else ""
        raise StudioError(
            f"Nothing is labelled yet{beside}, so there is nothing to learn from. "
            "Correct some masks with the brush, or mark a slide as reviewed, then retrain."
        )
    return snapshot


def read_labels(project: Project, *, each: Callable[[], None] = lambda: None) -> Snapshot:
    """Classes, hold-out and all labels but those of the audit sample and of planes that are damaged in the store.

    `each` is called before the labels of a plane are read, and may raise to stop.
    """

    def read(plane: LabelledPlane) -> LabelPlane | None:
        each()
        try:
            return project.labels(plane.plane, plane.shape)
        except StoredDataError as error:
            _log.warning("Nothing is learned from a plane: %s", error)
            return None

    with project.snapshot():
        audit = project.audit()
        planes = [(plane, read(plane)) for plane in project.labelled_planes() if plane.plane.slide not in audit]
        whole = tuple((plane, labels) for plane, labels in planes if labels is not None)
        return Snapshot(project.classes(), project.hold_out(), whole, audit, project.accepted_in_bulk())
