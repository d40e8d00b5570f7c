"""How the open plane is looked at: its histograms, what the network sees of it, and a pixel of it in words."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.figures.display import NetworkView, read_small
from unet_studio.core.figures.histograms import Tones, measure_tones
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import to_mask
from unet_studio.core.models.normalisation import Range
from unet_studio.core.tiles import Box
from unet_studio.errors import ProjectError, StudioError
from unet_studio.gui.background import Background
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.session.changes import Changes
from unet_studio.gui.session.open_plane import OpenPlane
from unet_studio.gui.session.session import Session


class Inspection(QObject):
    """Follows the session from plane to plane and measures off the GUI thread; nothing in the project depends on it."""

    tones_measured = Signal(object)  # Tones of the open plane
    network_view_changed = Signal(object)  # NetworkView of the open plane, or None
    notice = Signal(object)  # Notice

    def __init__(self, session: Session, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._background = background
        self._wants_network = False
        self._network_view: NetworkView | None = None
        session.plane_opened.connect(self._on_plane)
        session.changed.connect(self._on_changes)

    @property
    def wants_network(self) -> bool:
        """Whether planes are shown as the network gets them, each as soon as it is measured."""
        return self._wants_network

    def see_network_input(self, *, on: bool) -> None:
        """Show what the active model's network gets of each plane, or the planes as their displays say again."""
        self._wants_network = on
        card = self._session.models.active()
        if on and card is not None:
            sentence = self.tr(
                "This is what the network of '{0}' sees: its own normalisation, from black to white. Contrast has no "
                "part in it and comes back with the same key (U)."
            )
            self.notice.emit(Notice(sentence.format(card.title)))
        self._renew_network_view()

    def describe_pixel(self, y: float, x: float, value_at: Callable[[int, int], NDArray[np.generic] | None]) -> str:
        """Position, raw and network's value, class and its probability under the cursor; empty off the slide."""
        plane = self._session.plane
        row, column = math.floor(y), math.floor(x)
        if plane is None or not plane.contains((row, column)):
            return ""
        parts = [f"y {row}  x {column}"]
        size = plane.reader.info.pixel_size_um
        if size:
            parts.append(f"{row * size:.1f}, {column * size:.1f} µm")
        raw = value_at(row, column)
        if raw is not None:
            parts.append(self.tr("raw {0}").format(" ".join(f"{v:g}" for v in raw)))
        if raw is not None and self._network_view is not None:
            seen = self._network_view.read(raw[None, None])[0, 0]
            parts.append(self.tr("network {0}").format(" ".join(f"{v:.2f}" for v in seen)))
        pixel = Box(row, column, row + 1, column + 1)
        label = int(plane.labels.read(pixel)[0, 0])
        if label != UNLABELLED:
            parts.append(self.tr("{0} (labelled)").format(self._session.class_name(label)))
        return " · ".join(parts + self._describe_proposal(plane.view, pixel))

    def _describe_proposal(self, view: MaskView, pixel: Box) -> list[str]:
        """The proposed class of a pixel, before clean-up, and its probability; nothing where there is no proposal."""
        if view.proposal is None:
            return []
        try:
            if not view.proposal.covers(pixel):
                return []
            probabilities = view.proposal.read(pixel)
        except ProjectError:
            return []  # the mask needs the same tile, and says what is wrong with it
        proposed = int(to_mask(probabilities, view.threshold)[0, 0])
        of_classes = probabilities[0, 0] / 255
        probability = of_classes[proposed - 1] if proposed else max(0.0, 1.0 - of_classes.sum())
        return [self.tr("{0} {1} (proposed)").format(self._session.class_name(proposed), f"{probability:.2f}")]

    def _is_open(self, plane: OpenPlane) -> bool:
        return self._session.plane is not None and self._session.plane.id == plane.id

    def _on_plane(self, plane: OpenPlane) -> None:
        self._measure_tones(plane)
        self._renew_network_view()

    def _on_changes(self, changes: Changes) -> None:
        if changes.models:
            self._renew_network_view()

    def _measure_tones(self, plane: OpenPlane) -> None:
        def work() -> Tones | None:
            if not self._is_open(plane):
                return None  # a stack is being leafed through
            return measure_tones(read_small(plane.reader, plane.id.plane))

        def arrived(tones: Tones | None) -> None:
            if self._is_open(plane) and tones is not None:
                self.tones_measured.emit(tones)

        # A plane that can't be read is told by the canvas.
        self._background.run(f"measuring the tones of '{plane.id.slide}'", work, arrived, failed=lambda _: None)

    def _renew_network_view(self) -> None:
        """Measure the open plane as the active model does, where that is wanted; until then its display holds."""
        if self._network_view is not None:
            self._show_network_view(None)
        plane, card = self._session.plane, self._session.models.active() if self._wants_network else None
        if plane is None or not self._wants_network:
            return
        if card is None:
            self._give_up(self.tr("No model is chosen. Choose one to see what its network sees."))
            return
        normalisation = card.normalisation

        def is_wanted() -> bool:
            return self._is_open(plane) and self._wants_network and self._session.models.active() == card

        def arrived(measured: Range) -> None:
            if is_wanted():
                self._show_network_view(NetworkView(normalisation, measured))

        def failed(error: StudioError) -> None:
            if is_wanted():
                self._give_up(str(error))

        self._background.run(
            f"measuring '{plane.id.slide}' for the network",
            lambda: normalisation.measure(plane.reader, plane.id.plane),
            arrived,
            failed=failed,
        )

    def _give_up(self, reason: str) -> None:
        self._wants_network = False
        self._show_network_view(None)
        self.notice.emit(Notice(reason, NoticeKind.WARNING))

    def _show_network_view(self, view: NetworkView | None) -> None:
        self._network_view = view
        self.network_view_changed.emit(view)
