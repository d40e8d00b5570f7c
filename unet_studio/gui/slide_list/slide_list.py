"""Where am I: the slides of the folder, how far each one got, and how many are done."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from PySide6.QtCore import QEvent, QModelIndex, Qt, Signal, Slot
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QProgressBar,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from unet_studio.core.labels.plane import PlaneState
from unet_studio.core.scoring.plane_figures import PlaneFigures
from unet_studio.gui.controls.theme import icon
from unet_studio.gui.slide_list.delegate import SlideListDelegate
from unet_studio.gui.slide_list.model import SlideFilter, SlideListModel, SlideRole, SlideStatus, state_word
from unet_studio.gui.slide_list.sorting import SlideSort

__all__ = ["SlideListDelegate", "SlideListModel", "SlideListPanel", "SlideStatus"]

_PROGRESS_PX = 4
_STATE_CHOICES = (None, *PlaneState)


class SlideListPanel(QWidget):
    """The slides to choose from, a filter above them, the progress of the reviewing below.

    [ Filter slides…  ✕ ] [ All ▾ ] [⇅]
    ┌────┐ s001.tif
    │ ▒▒ │ ● reviewed
    └────┘
    12 of 43 reviewed ▓▓▓░░░░░░░░░░░░░░
    """

    slide_chosen = Signal(str)
    """The user chose another slide; `select` and filtering don't emit it."""
    selection_changed = Signal()

    def __init__(self, model: SlideListModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._filtered = SlideFilter(model, self)
        self._current: str | None = None

        self._filter = QLineEdit()
        self._filter.setClearButtonEnabled(True)
        self._state = QComboBox()
        self._state.addItems([""] * len(_STATE_CHOICES))
        self._sort = QToolButton()
        self._sort.setIcon(icon("arrow-up-down"))
        self._sort.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._sort.hide()  # until there is something to choose
        self._view = _make_view()
        self._view.setModel(self._filtered)
        self._view.setItemDelegate(SlideListDelegate(self._view))
        self._menu = QMenu(self._view)
        self._menu.setToolTipsVisible(True)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._view.customContextMenuRequested.connect(lambda at: self._menu.popup(self._view.mapToGlobal(at)))
        self._empty = QLabel()
        self._empty.setWordWrap(True)
        self._empty.setMargin(16)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._pages = QStackedWidget()
        self._done = QLabel()
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setFixedHeight(_PROGRESS_PX)

        self._lay_out()

        self._filter.textChanged.connect(self._apply_filter)
        self._filter.returnPressed.connect(self._go_to_list)
        self._state.currentIndexChanged.connect(self._apply_filter)
        self._view.selectionModel().selectionChanged.connect(self._choose)
        self._model.dataChanged.connect(self._count)
        self._model.modelReset.connect(self._start_anew)

        self._retranslate()
        self._start_anew()

    def set_slides(self, slides: tuple[str, ...]) -> None:
        """Show these slides, all of them new, none chosen, unfiltered."""
        self._model.set_slides(slides)

    def set_status(self, slide: str, status: SlideStatus) -> None:
        """Show how far one slide got."""
        self._model.set_status(slide, status)

    def set_statuses(self, statuses: Mapping[str, SlideStatus]) -> None:
        """Show how far some slides got."""
        self._model.set_statuses(statuses)

    def offer_sorting(self, actions: Sequence[QAction]) -> None:
        """Have a button beside the filter that offers these actions."""
        menu = QMenu(self._sort)
        menu.addActions(actions)
        self._sort.setMenu(menu)
        self._sort.show()

    def sort_by(self, sort: SlideSort) -> None:
        """List the slides in another order."""
        self._model.sort_by(sort)
        self._show_current()

    def set_figures(self, figures: Mapping[str, PlaneFigures], of_all: bool) -> None:
        """Show what is known of the proposals of some slides, or of all."""
        self._model.set_figures(figures, of_all=of_all)

    def set_audit(self, slides: Collection[str]) -> None:
        """Mark the slides of the audit sample."""
        self._model.set_audit(slides)

    def set_hold_out(self, slides: Collection[str]) -> None:
        """Mark the slides of the hold-out."""
        self._model.set_hold_out(slides)

    def offer_menu(self, actions: Sequence[QAction]) -> None:
        """Offer these actions on the slides at a right click."""
        self._menu.addActions(actions)

    def selected(self) -> tuple[str, ...]:
        """The slides that are selected; the current one where the filter hides it."""
        found = tuple(index.data(SlideRole.PATH) for index in self._view.selectedIndexes())
        return found or ((self._current,) if self._current is not None else ())

    def select(self, slide: str) -> None:
        """Make `slide` the current one, without `slide_chosen`; it may be one that is filtered out."""
        self._current = slide
        self._show_current()

    def current(self) -> str | None:
        """The slide that was chosen or selected last, also while it is filtered out."""
        return self._current

    def next_slide(self) -> str | None:
        """The slide below the current one among those that the filter shows, or None; nothing is selected."""
        return next(iter(self.following(1)), None)

    def following(self, most: int) -> list[str]:
        """The slides below the current one among those that the filter shows, so many at the most."""
        return list(islice(self._neighbours(1), most))

    def previous_slide(self) -> str | None:
        """The slide above the current one among those that the filter shows, or None; nothing is selected."""
        return next(self._neighbours(-1), None)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._retranslate()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(8, 8, 8, 8)
        top.setSpacing(8)
        top.addWidget(self._filter, 1)
        top.addWidget(self._state)
        top.addWidget(self._sort)
        self._pages.addWidget(self._view)
        self._pages.addWidget(self._empty)
        bottom = QHBoxLayout()
        bottom.setContentsMargins(8, 8, 8, 8)
        bottom.setSpacing(8)
        bottom.addWidget(self._done)
        bottom.addWidget(self._progress, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self._pages, 1)
        layout.addLayout(bottom)

    @Slot()
    def _apply_filter(self) -> None:
        self._filtered.set_filter(self._filter.text(), _STATE_CHOICES[self._state.currentIndex()])
        self._show_current()
        self._show_rows_or_why_none()

    @Slot()
    def _go_to_list(self) -> None:
        """From the filter field to what it found: to the current slide, or else to the first."""
        if not self._view.selectionModel().hasSelection():
            self._view.setCurrentIndex(self._filtered.index(0, 0))
        self._view.setFocus()

    @Slot()
    def _choose(self) -> None:
        # The selection and not the view's current row, which also moves when the view merely gets the focus
        # or when a filter takes rows away. Where several are selected it is to do something with them, not to see one.
        indexes = self._view.selectedIndexes()
        if len(indexes) == 1:
            slide: str = indexes[0].data(SlideRole.PATH)
            if slide != self._current:
                self._current = slide
                self.slide_chosen.emit(slide)
        self.selection_changed.emit()

    @Slot()
    def _count(self) -> None:
        done, total = self._model.reviewed, self._model.rowCount()
        self._done.setText(self.tr("{done} of {total} reviewed").format(done=done, total=total))
        self._progress.setRange(0, max(total, 1))
        self._progress.setValue(done)

    @Slot()
    def _start_anew(self) -> None:
        self._current = None
        self._filter.clear()
        self._state.setCurrentIndex(0)
        self._count()
        self._show_rows_or_why_none()

    def _show_current(self) -> None:
        index = self._current_index()
        self._view.setCurrentIndex(index)
        if not index.isValid():
            self._view.clearSelection()

    def _current_index(self) -> QModelIndex:
        """Where the current slide is in the view; invalid if there is none or it is filtered out."""
        row = None if self._current is None else self._model.row_of(self._current)
        return QModelIndex() if row is None else self._filtered.mapFromSource(self._model.index(row))

    def _show_rows_or_why_none(self) -> None:
        if self._filtered.rowCount() > 0:
            self._pages.setCurrentWidget(self._view)
            return
        if self._model.rowCount() > 0:
            self._empty.setText(self.tr("No slide matches the filter."))
        else:
            self._empty.setText(self.tr("The slides of a folder are listed here once you open one."))
        self._pages.setCurrentWidget(self._empty)

    def _neighbours(self, step: int) -> Iterator[str]:
        """The slides in the direction of `step` that the filter shows; the current one may be filtered out."""
        total = self._model.rowCount()
        row = None if self._current is None else self._model.row_of(self._current)
        if row is None:
            row = -1 if step > 0 else total
        rows = range(row + 1, total) if step > 0 else range(row - 1, -1, -1)
        for each in rows:
            index = self._model.index(each)
            if self._filtered.mapFromSource(index).isValid():
                yield str(index.data(SlideRole.PATH))

    def _retranslate(self) -> None:
        self._filter.setPlaceholderText(self.tr("Filter slides…"))
        self._filter.setToolTip(self.tr("Part of a name, a folder or a state, such as “reviewed”"))
        self._filter.setAccessibleName(self.tr("Filter slides"))
        self._state.setAccessibleName(self.tr("Show slides in this state"))
        self._sort.setToolTip(self.tr("In which order the slides are listed"))
        self._sort.setAccessibleName(self.tr("Sort slides"))
        for number, state in enumerate(_STATE_CHOICES):
            self._state.setItemText(number, self.tr("all") if state is None else state_word(state))
        self._view.setAccessibleName(self.tr("Slides"))
        self._progress.setAccessibleName(self.tr("Reviewed slides"))
        self._count()
        self._show_rows_or_why_none()


def _make_view() -> QListView:
    view = QListView()
    view.setUniformItemSizes(True)
    view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setMouseTracking(True)
    return view
