"""The slides of the folder as rows: how far each one got, and a thumbnail read when its row is first seen."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage

from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.scoring.plane_figures import PlaneFigures
from unet_studio.errors import StudioError
from unet_studio.gui.background import Background
from unet_studio.gui.slide_list.sorting import SlideSort, as_numbers, in_words, sort_key

_THUMBNAIL_PX = 96  # twice what is drawn, for screens at 2×
_THUMBNAILS_KEPT = 500
_THUMBNAILS_WAITING = 100  # more than one screenful; what was scrolled past is given up
_ROOT = QModelIndex()

_Index = QModelIndex | QPersistentModelIndex


class SlideRole(IntEnum):
    """What a row knows besides its text."""

    PATH = Qt.ItemDataRole.UserRole + 1
    STATE = Qt.ItemDataRole.UserRole + 2
    DETAIL = Qt.ItemDataRole.UserRole + 3
    PROBLEM = Qt.ItemDataRole.UserRole + 4
    HELD_OUT = Qt.ItemDataRole.UserRole + 6
    THUMBNAIL = Qt.ItemDataRole.UserRole + 5  # without asking for one, unlike the decoration role


@dataclass(frozen=True, slots=True)
class SlideStatus:
    """How far a slide got: `detail` such as "3 of 30 planes reviewed", `problem` why it can't be read."""

    state: PlaneState = PlaneState.NEW
    detail: str = ""
    problem: str = ""


def state_word(state: PlaneState) -> str:
    """The state in the user's language."""
    words = {
        PlaneState.NEW: QCoreApplication.translate("PlaneState", "new"),
        PlaneState.PROPOSED: QCoreApplication.translate("PlaneState", "proposed"),
        PlaneState.CORRECTED: QCoreApplication.translate("PlaneState", "corrected"),
        PlaneState.REVIEWED: QCoreApplication.translate("PlaneState", "reviewed"),
    }
    return words[state]


class SlideListModel(QAbstractListModel):
    """One row a slide. `background` must be this model's own: a new list of slides forgets what the old one asked for.

    `read_thumbnail(slide)` runs in a thread; a slide that it can't read (SlideError) shows why in its row.
    """

    thumbnail_failed = Signal(str, str)
    """A slide and why it can't be read."""

    def __init__(
        self, background: Background, read_thumbnail: Callable[[str], QImage], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._background = background
        self._read_thumbnail = read_thumbnail
        self._folder: tuple[str, ...] = ()
        self._slides: tuple[str, ...] = ()  # in the order shown
        self._rows: dict[str, int] = {}
        self._statuses: dict[str, SlideStatus] = {}
        self._unreadable: dict[str, str] = {}
        self._thumbnails: OrderedDict[str, QImage] = OrderedDict()
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._figures: dict[str, PlaneFigures] = {}
        self._audit: frozenset[str] = frozenset()
        self._held: frozenset[str] = frozenset()
        self._sort = SlideSort.FOLDER

    def set_slides(self, slides: tuple[str, ...]) -> None:
        """Start anew with these slides, all of them new."""
        self.beginResetModel()
        self._background.forget()
        self._folder = self._slides = slides
        self._rows = {slide: row for row, slide in enumerate(slides)}
        for remembered in (self._statuses, self._unreadable, self._thumbnails, self._waiting, self._figures):
            remembered.clear()
        self._audit = self._held = frozenset()
        self.endResetModel()

    def set_status(self, slide: str, status: SlideStatus) -> None:
        """Show how far one slide got."""
        self.set_statuses({slide: status})

    def set_statuses(self, statuses: Mapping[str, SlideStatus]) -> None:
        """Show how far some slides got; one that left the folder in the meantime is passed over."""
        known = {slide: status for slide, status in statuses.items() if slide in self._rows}
        if not known:
            return
        self._statuses.update(known)
        rows = [self._rows[slide] for slide in known]
        self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))

    def set_figures(self, figures: Mapping[str, PlaneFigures], *, of_all: bool) -> None:
        """Show figures of some slides or, with `of_all`, of all: then those that are sorted by them are sorted anew."""
        if of_all:
            self._figures = dict(figures)
            self.sort_by(self._sort)
        else:
            self._figures.update(figures)
        self._show_all_again()

    def set_audit(self, slides: Collection[str]) -> None:
        """Mark the slides of the audit sample."""
        self._audit = frozenset(slides)
        self._show_all_again()

    def set_hold_out(self, slides: Collection[str]) -> None:
        """Mark the slides of the hold-out."""
        self._held = frozenset(slides)
        self._show_all_again()

    def sort_by(self, sort: SlideSort) -> None:
        """List the slides in another order, or in the same one by the figures that are known now."""
        self.layoutAboutToBeChanged.emit()
        before = self._slides
        self._sort = sort
        self._slides = tuple(sorted(self._folder, key=lambda slide: sort_key(sort, self._figures.get(slide))))
        self._rows = {slide: row for row, slide in enumerate(self._slides)}
        kept = self.persistentIndexList()
        self.changePersistentIndexList(kept, [self.index(self._rows[before[index.row()]]) for index in kept])
        self.layoutChanged.emit()
        self._show_all_again()

    @property
    def reviewed(self) -> int:
        """How many slides are reviewed."""
        return sum(status.state == PlaneState.REVIEWED for status in self._statuses.values())

    def row_of(self, slide: str) -> int | None:
        """The row of `slide`, or None if it isn't in the list."""
        return self._rows.get(slide)

    def matches(self, row: int, words: tuple[str, ...], state: PlaneState | None) -> bool:
        """Whether a row is in `state` (if any) and shows each word, casefolded, in path, state or problem."""
        slide = self._slides[row]
        status = self._status(slide)
        if state is not None and status.state != state:
            return False
        shown = f"{slide}\n{state_word(status.state)}\n{self._mark(slide)}\n{status.problem}".casefold()
        return all(word in shown for word in words)

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._slides)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not self.checkIndex(index, QAbstractListModel.CheckIndexOption.IndexIsValid):
            return None
        slide = self._slides[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole | SlideRole.PATH:
                return slide
            case Qt.ItemDataRole.DecorationRole:
                self._ask_for_thumbnail(slide)
                return self._thumbnails.get(slide)
            case SlideRole.THUMBNAIL:
                return self._thumbnails.get(slide)
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(self._spoken(slide))
            case Qt.ItemDataRole.ToolTipRole:
                return "\n".join(self._spoken(slide))
            case SlideRole.STATE:
                return self._status(slide).state
            case SlideRole.DETAIL:
                return " · ".join(self._details(slide))
            case SlideRole.HELD_OUT:
                return slide in self._held
            case SlideRole.PROBLEM:
                return self._status(slide).problem
        return None

    def _status(self, slide: str) -> SlideStatus:
        status = self._statuses.get(slide, SlideStatus())
        unreadable = self._unreadable.get(slide)
        if unreadable and not status.problem:
            return SlideStatus(status.state, status.detail, unreadable)
        return status

    def _spoken(self, slide: str) -> list[str]:
        status = self._status(slide)
        figures = in_words(self._figures[slide]) if slide in self._figures else ()
        held = self.tr("held out: it judges models and teaches none") if slide in self._held else ""
        audit = self._mark(slide) if slide in self._audit else ""
        texts = (slide, state_word(status.state), status.detail, audit, held, *figures, status.problem)
        return [text for text in texts if text]

    def _details(self, slide: str) -> list[str]:
        """What is written beside the state: of the figures the one that the list is sorted by."""
        figure = as_numbers(self._figures[slide]).get(self._sort, "") if slide in self._figures else ""
        mark = self.tr("audit") if slide in self._audit else ""  # the row is narrow
        return [text for text in (figure, mark, self._status(slide).detail) if text]

    def _mark(self, slide: str) -> str:
        """What a slide is kept apart for, in a word or two."""
        if slide in self._audit:
            return self.tr("audit sample")
        return self.tr("held out") if slide in self._held else ""

    def _show_all_again(self) -> None:
        if self._slides:
            self.dataChanged.emit(self.index(0), self.index(len(self._slides) - 1))

    def _ask_for_thumbnail(self, slide: str) -> None:
        if slide in self._thumbnails:
            self._thumbnails.move_to_end(slide)
            return
        if slide in self._waiting or slide in self._unreadable:
            return
        self._waiting[slide] = None
        if len(self._waiting) > _THUMBNAILS_WAITING:
            self._waiting.popitem(last=False)
        self._background.run(
            f"reading the thumbnail of '{slide}'",
            partial(self._read, slide),
            partial(self._arrived, slide),
            failed=partial(self._failed, slide),
        )

    def _read(self, slide: str) -> QImage | None:
        """In a thread: the thumbnail at the size it is kept in, or None if it was given up."""
        if slide not in self._waiting:
            return None
        image = self._read_thumbnail(slide)
        if max(image.width(), image.height()) <= _THUMBNAIL_PX:
            return image
        return image.scaled(
            _THUMBNAIL_PX, _THUMBNAIL_PX, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )

    def _arrived(self, slide: str, thumbnail: QImage | None) -> None:
        if thumbnail is not None:
            self._waiting.pop(slide, None)
            self._keep(slide, thumbnail)
            self._show_again(slide)

    def _failed(self, slide: str, problem: StudioError) -> None:
        self._waiting.pop(slide, None)
        self._unreadable[slide] = str(problem)
        self._show_again(slide)
        self.thumbnail_failed.emit(slide, self._unreadable[slide])

    def _show_again(self, slide: str) -> None:
        index = self.index(self._rows[slide])
        self.dataChanged.emit(index, index)

    def _keep(self, slide: str, thumbnail: QImage) -> None:
        self._thumbnails[slide] = thumbnail
        if len(self._thumbnails) > _THUMBNAILS_KEPT:
            self._thumbnails.popitem(last=False)


class SlideFilter(QSortFilterProxyModel):
    """The rows that match what was typed and chosen.

    A row that stops matching stays until the next `set_filter`: the list holds still under the hands of who works
    through it, and reviewing the proposed slides one by one doesn't pull each away.
    """

    def __init__(self, model: SlideListModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._words: tuple[str, ...] = ()
        self._state: PlaneState | None = None
        self.setDynamicSortFilter(False)
        self.setSourceModel(model)

    def set_filter(self, text: str, state: PlaneState | None) -> None:
        """Keep the slides that are in `state` (if any) and match each word of `text`."""
        self._words = tuple(text.casefold().split())
        self._state = state
        self.invalidate()

    def filterAcceptsRow(self, source_row: int, _source_parent: _Index) -> bool:
        if not self._words and self._state is None:
            return True
        return self._model.matches(source_row, self._words, self._state)
