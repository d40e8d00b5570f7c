"""Comparing two mask sources on the open plane: by swipe over the canvas, or side by side."""

from PySide6.QtCore import QEvent, QObject, QRect, Signal
from PySide6.QtWidgets import QWidget

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import Proposal, find_proposal, slide_stamp
from unet_studio.core.masks.sources import MaskSource, SourceKind
from unet_studio.core.tiles import Box
from unet_studio.gui.background import Background
from unet_studio.gui.canvas.canvas import Canvas
from unet_studio.gui.canvas.compare_bar import CompareBar, CompareMode
from unet_studio.gui.canvas.compare_views import Caption, Divider, SecondView
from unet_studio.gui.canvas.tile_layer import MaskLayer
from unet_studio.gui.controls.notice import Notice
from unet_studio.gui.session.session import OpenPlane, Session

_DIVIDER_STEP = 0.02  # of the canvas's width
_NOWHERE = QRect()

Pair = tuple[MaskSource, MaskSource]


class Comparison(QObject):
    """Decides which source the canvas's mask layer and a second one show, and where each is seen.

    While nothing is compared the canvas shows the mask. Both layers lie in the canvas's scene: the slide is read once,
    what a tool draws is seen on both sides, and the key that hides the mask hides both.
    """

    mode_changed = Signal()
    notice = Signal(object)  # Notice

    def __init__(self, session: Session, canvas: Canvas, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._canvas = canvas
        self._mode: CompareMode | None = None
        self._asked: Pair | None = None
        self._shown: Pair | None = None
        self._sources: tuple[MaskSource, ...] = ()
        self._proposals: dict[str, Proposal] = {}
        self._divider_at = 0.5
        self.bar = CompareBar()
        self.second_view = SecondView(canvas)
        self.second_layer = MaskLayer(background)
        self.second_layer.setParentItem(canvas.mask_layer)
        self._divider = Divider(canvas.viewport())
        self._captions = {
            CompareMode.SWIPE: (Caption(canvas.viewport()), Caption(canvas.viewport())),
            CompareMode.SIDE: (Caption(canvas.viewport()), Caption(self.second_view.viewport())),
        }

        session.labels_changed.connect(self.refresh)
        session.workspace_closed.connect(self.stop)
        self.bar.sources_chosen.connect(self.compare)
        self.bar.mode_chosen.connect(self._show_as)
        self.bar.close_asked.connect(self.stop)
        self._divider.moved.connect(lambda x: self._move_divider(x / max(canvas.viewport().width(), 1)))
        canvas.zoom_changed.connect(self._follow)
        canvas.horizontalScrollBar().valueChanged.connect(self._follow)
        canvas.verticalScrollBar().valueChanged.connect(self._follow)
        canvas.viewport().installEventFilter(self)

    # What a person may ask for

    @property
    def mode(self) -> CompareMode | None:
        """How sources are compared just now; None while they aren't."""
        return self._mode

    @property
    def sources(self) -> tuple[MaskSource, ...]:
        """What can be compared on the open plane."""
        return self._sources

    @property
    def shown(self) -> Pair | None:
        """The two sources that are seen just now."""
        return self._shown

    def toggle(self, mode: CompareMode) -> None:
        """Compare in this way, or stop where that is done already; a notice says why there is nothing to compare."""
        if self._mode is mode:
            self.stop()
            return
        self._find_sources()
        if self._sources:
            self._show_as(mode)
        elif self._session.plane is not None:
            self.notice.emit(Notice(self._reason()))
        self.mode_changed.emit()

    def compare(self, first: MaskSource, second: MaskSource) -> None:
        """Compare two sources, here and on every plane that has both; by swipe where nothing is compared yet."""
        self._asked = (first, second)
        self._show_as(self._mode or CompareMode.SWIPE)

    def stop(self) -> None:
        """Show the mask again."""
        self._mode = self._asked = None
        self._show()
        self._canvas.setFocus()
        self.mode_changed.emit()

    def step_divider(self, steps: int) -> None:
        """Move the divider to the left or right."""
        self._move_divider(self._divider_at + steps * _DIVIDER_STEP)

    def _show_as(self, mode: CompareMode) -> None:
        self._mode = mode
        self._find_sources()
        self._show()
        self.mode_changed.emit()

    # What changed

    def show_plane(self) -> None:
        """Another plane is on the canvas, or none."""
        if self._mode is not None:
            self._find_sources()
            self._show()

    def change_mask(self, mask: MaskView) -> None:
        """The proposal, threshold or clean-up of the open plane changed."""
        if self._mode is not None and mask.proposal is not None and mask.proposal not in self._proposals.values():
            self._find_sources()
            self._show()
        elif self._shown is None:
            self._canvas.mask_layer.change_mask(mask)
        else:
            first, second = self._views(mask, self._shown)
            self._canvas.mask_layer.change_mask(first)
            self.second_layer.change_mask(second)

    def refresh(self, box: Box) -> None:
        """Labels inside `box` changed."""
        if self._shown is not None:
            self.second_layer.refresh(box)

    # Sources

    def _find_sources(self) -> None:
        """Find what can be compared: nothing unless labels and proposals are two at least."""
        plane = self._session.plane
        self._proposals = self._find_proposals(plane) if plane is not None else {}
        labels = [MaskSource(self.tr("labels"), SourceKind.LABELS)] if plane is not None and _has_labels(plane) else []
        parts = labels + [
            MaskSource(self._proposal_name(model), SourceKind.PROPOSAL, model) for model in self._proposals
        ]
        mask = [MaskSource(self.tr("mask"), SourceKind.MASK)]
        self._sources = (*mask, *parts) if len(parts) > 1 else ()

    def _find_proposals(self, plane: OpenPlane) -> dict[str, Proposal]:
        """The proposals of the open plane by model, the active model's first.

        One with more classes than the project has says nothing here.
        """
        workspace = self._session.workspace
        assert workspace is not None
        try:
            stamp = slide_stamp(workspace.folder / plane.id.slide)
        except OSError:
            return {}  # the slide is gone, and the session tells so
        models = [card.id for card in self._session.models()]
        models.sort(key=lambda model: model != workspace.active_model)
        found = {model: find_proposal(workspace.place, model, plane.id, stamp=stamp) for model in models}
        return {
            model: proposal
            for model, proposal in found.items()
            if proposal is not None and proposal.channels < len(workspace.classes)
        }

    def _proposal_name(self, model: str) -> str:
        titles = {card.id: card.title for card in self._session.models()}
        return self.tr("proposal of {0}").format(titles.get(model, model))

    def _pair(self) -> Pair:
        """What was asked for where the plane has both; else the mask and what differs from it most likely."""
        if self._asked is not None and set(self._asked) <= set(self._sources):
            return self._asked
        return self._sources[0], self._sources[-1]

    def _reason(self) -> str:
        plane = self._session.plane
        if plane is not None and _has_labels(plane):
            return self.tr("Nothing to compare yet: this slide has only labels. Have a model propose a mask for it.")
        if self._proposals:
            name = self._proposal_name(next(iter(self._proposals)))
            return self.tr(
                "Nothing to compare yet: this slide has only the {0}. Correct it, or let another model propose."
            ).format(name)
        return self.tr("Nothing to compare yet: this slide has neither labels nor a proposal.")

    # What is seen where

    def _show(self) -> None:
        plane = self._session.plane
        mode, pair = self._mode, self._pair() if self._mode is not None and self._sources else None
        self._shown = pair
        self.bar.setVisible(mode is not None)
        if mode is not None:
            self.bar.set_mode(mode)
            if pair is not None:
                self.bar.show_sources(self._sources, pair)
            else:
                self.bar.show_nothing(self._reason() if plane is not None else "")
        if plane is None:
            self.second_layer.show_mask(None, (0, 0))
        else:
            first, second = self._views(plane.view, pair) if pair is not None else (plane.view, None)
            self._canvas.mask_layer.show_mask(first, plane.shape)
            self.second_layer.show_mask(second, plane.shape)
        self._lay_out()

    def _views(self, mask: MaskView, pair: Pair) -> tuple[MaskView, MaskView]:
        first, second = (source.view(mask, self._proposals) for source in pair)
        return first, second

    def _lay_out(self) -> None:
        """Show divider, second view and captions as the mode says, and each layer on its own side."""
        mode = self._mode if self._shown is not None else None
        self._canvas.mask_layer.show_only(self._part_of_first if mode else None)
        self.second_layer.show_only(self._part_of_second if mode else None)
        self._divider.setVisible(mode is CompareMode.SWIPE)
        self.second_view.setVisible(mode is CompareMode.SIDE)
        for captions_of, captions in self._captions.items():
            for caption, source in zip(captions, self._shown or (), strict=False):
                caption.set_name(source.name)
            for caption in captions:
                caption.setVisible(mode is captions_of)
        self._follow()

    def _part_of_first(self, viewport: QWidget) -> QRect:
        whole = viewport.rect()
        if self._mode is CompareMode.SIDE:
            return whole if viewport is self._canvas.viewport() else _NOWHERE
        return whole.adjusted(0, 0, self._divider_x() - whole.width(), 0)

    def _part_of_second(self, viewport: QWidget) -> QRect:
        whole = viewport.rect()
        if self._mode is CompareMode.SIDE:
            return whole if viewport is self.second_view.viewport() else _NOWHERE
        return whole.adjusted(self._divider_x(), 0, 0, 0)

    def _divider_x(self) -> int:
        return round(self._divider_at * self._canvas.viewport().width())

    def _move_divider(self, at: float) -> None:
        before = self._divider_x()
        self._divider_at = min(max(at, 0.0), 1.0)
        after = self._divider_x()
        if self._divider.isVisible():
            viewport = self._canvas.viewport()
            viewport.update(min(before, after), 0, abs(after - before), viewport.height())
            self._place()

    def _follow(self) -> None:
        """The canvas was zoomed or panned: the second view goes with it, what lies over them stays."""
        if self._divider.isVisible():
            self._canvas.viewport().update()  # scrolling moved what is seen on either side of the divider
        self.second_view.follow()
        self._place()

    def _place(self) -> None:
        x = self._divider_x()
        self._divider.place(x)
        width = self._canvas.viewport().width()
        left, right = self._captions[CompareMode.SWIPE]
        left.place(0, x, at_right=True)
        right.place(x, width)
        for caption in self._captions[CompareMode.SIDE]:
            caption.place(0, width)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._follow()
        return super().eventFilter(watched, event)


def _has_labels(plane: OpenPlane) -> bool:
    """Whether anything is labelled on the plane."""
    for cell in plane.labels.cells:
        tile = plane.labels.tile(cell)
        if tile is not None and (tile != UNLABELLED).any():
            return True
    return False
