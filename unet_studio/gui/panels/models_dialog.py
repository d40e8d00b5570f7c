"""The dialog of all models: where each comes from, how good it is, and what can be done with it; it only asks."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QKeyEvent, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from unet_studio.core.models.cards import ModelCard
from unet_studio.gui.jobs.activity import Activity
from unet_studio.gui.panels.activity_row import ActivityRow

_TITLE, _PARENT, _DATA, _DICE, _NOTE = 0, 2, 3, 4, 5
"""Columns."""
_WIDEST = {_TITLE: 280, _PARENT: 200, _DATA: 280}
"""Pixels that columns with long texts have at the most."""


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model, what was noted of it, and the title of the model that its training began with."""

    card: ModelCard
    note: str = ""
    parent: str = ""


class _Table(QTableWidget):
    """F2 changes the note of the current row, wherever in the row the keyboard is."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        note = self.item(self.currentRow(), _NOTE)
        if event.key() == Qt.Key.Key_F2 and note is not None and note.flags() & Qt.ItemFlag.ItemIsEditable:
            self.setCurrentItem(note, QItemSelectionModel.SelectionFlag.NoUpdate)
            self.editItem(note)
        else:
            super().keyPressEvent(event)


class ModelsDialog(QDialog):
    """A table of models; below it what can be done with those that are selected, and what a comparison came to.

    It isn't modal: one goes on working while two models are compared.
    """

    use_asked = Signal(str)  # model
    compare_asked = Signal(str, str)  # the older model, the newer one
    note_changed = Signal(str, str)  # model, text
    remove_asked = Signal(str)  # model

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Models"))
        self._models: Sequence[ListedModel] = ()
        self._active = ""
        self._is_read_only = self._is_busy = False
        self._table = self._make_table()
        self._use = QPushButton(self.tr("&Use"))
        self._use.setToolTip(self.tr("Have this model propose, and start retrainings from it"))
        self._compare = QPushButton(self.tr("&Compare"))
        self._compare.setToolTip(
            self.tr("Have the two selected models propose the same slides, and say which is better on the hold-out")
        )
        self._remove = QPushButton(self.tr("&Remove…"))
        self._remove.setToolTip(self.tr("Remove this model and its proposals; labels and masks stay"))
        close = QPushButton(self.tr("Close"))
        self._said = QLabel()
        self._said.setWordWrap(True)
        self._said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._said.hide()
        hint = QLabel(self.tr("Double-click a note to change it, or press F2. Select two models to compare them."))
        hint.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        hint.setWordWrap(True)

        buttons = QHBoxLayout()
        for button in (self._use, self._compare, self._remove):
            button.setAutoDefault(False)  # Return belongs to the table, where it ends a note
            buttons.addWidget(button)
        close.setAutoDefault(False)
        buttons.addStretch()
        buttons.addWidget(close)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 16, 16, 16)
        self._column.setSpacing(8)
        self._column.addWidget(self._table, 1)
        self._column.addWidget(hint)
        self._column.addWidget(self._said)
        self._column.addLayout(buttons)
        self.resize(1080, 480)

        self._table.itemSelectionChanged.connect(self._update)
        self._table.itemChanged.connect(self._on_changed)
        self._use.clicked.connect(lambda: self.use_asked.emit(self._selected()[0].id))
        self._compare.clicked.connect(self._ask_comparison)
        self._remove.clicked.connect(lambda: self.remove_asked.emit(self._selected()[0].id))
        close.clicked.connect(self.close)
        self._update()

    def show_models(self, models: Sequence[ListedModel], active: str, *, read_only: bool) -> None:
        """Show these models, of which `active` is in use; what is selected stays so."""
        selected = {card.id for card in self._selected()} or {active}
        self._models, self._active, self._is_read_only = models, active, read_only
        self._table.blockSignals(True)
        self._table.setRowCount(len(models))
        for row, model in enumerate(models):
            self._fill_row(row, model)
        self._fit_columns()
        self._select(selected)
        self._table.blockSignals(False)
        self._update()

    def set_busy(self, *, busy: bool) -> None:
        """Whether something runs that may need a model: then none can be removed or compared."""
        self._is_busy = busy
        self._update()

    def begin_comparison(self, activity: Activity) -> None:
        """Show how far a comparison is, with a button that stops it."""
        row = ActivityRow(activity)
        self._said.hide()
        self._column.insertWidget(self._column.indexOf(self._said), row)
        activity.ended.connect(row.deleteLater)

    def say(self, *sentences: str) -> None:
        """Show what came of what was asked for, such as the verdict on two models."""
        self._said.setText("\n".join(sentences))
        self._said.show()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, self._said.text()))

    def _make_table(self) -> QTableWidget:
        columns = [
            self.tr("Model"), self.tr("Date"), self.tr("Began with"), self.tr("Data"), self.tr("Dice"), self.tr("Note"),
        ]  # fmt: skip
        table = _Table(0, len(columns))
        table.setAccessibleName(self.tr("Models"))
        table.setHorizontalHeaderLabels(columns)
        table.verticalHeader().hide()
        table.horizontalHeader().setSectionResizeMode(_NOTE, QHeaderView.ResizeMode.Stretch)
        table.horizontalHeader().setHighlightSections(False)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        return table

    def _fit_columns(self) -> None:
        """As wide as their texts, but for long ones: a note is to be read, too, and their tooltips say them whole."""
        self._table.resizeColumnsToContents()
        for column, widest in _WIDEST.items():
            self._table.setColumnWidth(column, min(self._table.columnWidth(column), widest))

    def _fill_row(self, row: int, model: ListedModel) -> None:
        card = model.card
        in_use = self.tr("{0} (in use)").format(card.title) if card.id == self._active else card.title
        dice, judged = card.scores.get("dice"), card.scores.get("judged_on", "")
        score = f"{dice:.4f}" if dice is not None else "–"
        cells = (in_use, card.date, model.parent, card.learned_from, score, model.note)
        for column, text in enumerate(cells):
            item = QTableWidgetItem(text)
            item.setToolTip(self.tr("Judged on: {0}").format(judged) if column == _DICE and judged else text)
            if column == _NOTE and not card.is_bundled and not self._is_read_only:
                item.setData(Qt.ItemDataRole.AccessibleTextRole, self.tr("Note of {0}: {1}").format(card.title, text))
            else:
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            if column == _TITLE and card.id == self._active:
                font = item.font()
                font.setBold(True)
                item.setFont(font)
            self._table.setItem(row, column, item)

    def _select(self, models: set[str]) -> None:
        self._table.clearSelection()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for row, model in enumerate(self._models):
            if model.card.id in models:
                self._table.selectionModel().select(self._table.model().index(row, 0), flags)

    def _selected(self) -> list[ModelCard]:
        rows = sorted({index.row() for index in self._table.selectedIndexes()})
        return [self._models[row].card for row in rows]

    def _pair(self) -> list[ModelCard]:
        """The two models that would be compared, the older one first; one that is selected alone, with that in use."""
        chosen = self._selected()
        if len(chosen) == 1:
            chosen += [model.card for model in self._models if model.card.id == self._active != chosen[0].id]
        return sorted(chosen, key=lambda card: card.created) if len(chosen) == 2 else []

    def _ask_comparison(self) -> None:
        older, newer = self._pair()
        self._table.setFocus()  # the button can't be pressed again until this one is over
        self.compare_asked.emit(older.id, newer.id)

    def _on_changed(self, item: QTableWidgetItem) -> None:
        if item.column() == _NOTE:
            self.note_changed.emit(self._models[item.row()].card.id, item.text())

    def _update(self) -> None:
        chosen = self._selected()
        may_change = len(chosen) == 1 and not self._is_read_only and chosen[0].id != self._active
        self._use.setEnabled(may_change)
        self._remove.setEnabled(may_change and not chosen[0].is_bundled and not self._is_busy)
        self._compare.setEnabled(bool(self._pair()) and not self._is_busy)
