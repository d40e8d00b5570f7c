"""Finding the most doubtful place that nobody looked at, on the open slide and then on the others."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import Proposal
from unet_studio.core.scoring.uncertainty import PLACE, place_uncertainties
from unet_studio.core.tiles import Box, Cell, tile_box
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import StudioError
from unet_studio.gui.controls.notice import Notice
from unet_studio.gui.jobs.thread_job import ThreadJob
from unet_studio.protocol.values import Progress, check_cancelled

_LEAST = 0.02
"""A place whose mean uncertainty is lower is as good as certain."""
_PATIENCE_MS = 300
"""What takes longer is shown as an activity."""


class DoubtfulPlaces(ThreadJob):
    """Finds one place at a time, and keeps in mind how uncertain each proposal is of its places."""

    found = Signal(object, object)  # PlaneId, Cell of a place

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._known: dict[Proposal, tuple[int, NDArray[np.float32]]] = {}  # with when the file was written

    def find(self, workspace: Workspace, planes: Sequence[PlaneId], seen: Mapping[PlaneId, frozenset[Cell]]) -> None:
        """Find the most doubtful place of the first of these planes that has one which isn't `seen` or labelled."""
        if self.is_busy:
            return

        def work(progress: Progress) -> tuple[PlaneId, Cell] | None:
            for number, plane in enumerate(planes):
                check_cancelled(progress, "The search was stopped.")
                progress.report(number / len(planes), plane.slide)
                try:
                    view = workspace.proposed_view(plane)
                    place = most_doubtful(view, self._uncertainties(view), seen.get(plane, frozenset()))
                except StudioError:
                    continue  # it is told when the slide is opened
                if place is not None:
                    return plane, place
            return None

        self._run(self.tr("Looking for a doubtful place"), work, self._on_found, shown_after_ms=_PATIENCE_MS)

    def _uncertainties(self, view: MaskView) -> NDArray[np.float32]:
        proposal = view.proposal
        assert proposal is not None
        written = proposal.file.stat().st_mtime_ns if proposal.file.exists() else 0
        known = self._known.get(proposal)
        if known is None or known[0] != written:
            known = self._known[proposal] = written, place_uncertainties(proposal)
        return known[1]

    def _on_found(self, found: tuple[PlaneId, Cell] | None) -> None:
        if found is not None:
            self.found.emit(*found)
        else:
            text = self.tr(
                "No proposal has a doubtful place left that is neither labelled nor looked at already. Propose more "
                "slides."
            )
            self.notice.emit(Notice(text))


def most_doubtful(view: MaskView, uncertainties: NDArray[np.float32], seen: frozenset[Cell]) -> Cell | None:
    """The place with the highest mean uncertainty of those that aren't `seen` and mostly unlabelled; None without one.

    `uncertainties` are those of the places of the plane, (rows, columns).
    """
    columns = uncertainties.shape[1]
    for index in np.argsort(-uncertainties, axis=None, kind="stable"):
        place = (int(index) // columns, int(index) % columns)
        if uncertainties[place] < _LEAST:
            return None
        if place in seen:
            continue
        labels = view.labels.read(tile_box(place, PLACE).intersect(Box.of_shape(view.labels.shape)))
        if np.mean(labels == UNLABELLED) > 0.5:
            return place
    return None
