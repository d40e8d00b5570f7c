"""The panel of the clean-up recipe: ordered steps of morphology, previewed as they change."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from unet_studio.core.classes import LabelClass
from unet_studio.core.cleaning.steps import CRF, WATERSHEDS, Step
from unet_studio.gui.controls.buttons import heading
from unet_studio.gui.controls.theme import icon
from unet_studio.gui.panels.advice_card import AdviceCard
from unet_studio.gui.panels.step_row import StepRow
from unet_studio.usecases.cleaning.tune import with_watershed

_START = {
    "dilate": Step("dilate", 2),
    "erode": Step("erode", 2),
    "open": Step("open", 2),
    "close": Step("close", 2),
    "fill-holes": Step("fill-holes", 64),
    "remove-small": Step("remove-small", 64),
    "watershed": Step("watershed", 1, height=0.1),
    "watershed-distance": Step("watershed-distance", 1, height=1),
    "watershed-boundary": Step("watershed-boundary", 1, height=0.1),
    CRF: Step(CRF, 10, weight=3, colour=0.1),
}


class CleanUpPanel(QWidget):
    """Edits the recipe; every change is emitted at once, so that the canvas shows it as a slider moves."""

    steps_changed = Signal(object, bool)  # tuple[Step, ...], whether to keep it (not while dragging)
    tuning_asked = Signal(str, object)  # a watershed, and the class it is for or None

    def __init__(self, tune: QAction, advise: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tune = tune
        self.advice = AdviceCard(advise)
        self._classes: tuple[LabelClass, ...] = ()
        self._rows: list[StepRow] = []
        self._names = {
            "dilate": self.tr("Dilate"),
            "erode": self.tr("Erode"),
            "open": self.tr("Open"),
            "close": self.tr("Close"),
            "fill-holes": self.tr("Fill holes"),
            "remove-small": self.tr("Remove small"),
            "watershed": self.tr("Watershed"),
            "watershed-distance": self.tr("Watershed by distance"),
            "watershed-boundary": self.tr("Watershed of boundaries"),
            CRF: self.tr("Outlines of the slide (CRF)"),
        }
        hints = {
            "watershed": self.tr("Part objects that touch, where their class is less probable"),
            "watershed-distance": self.tr("Part objects that touch, at their necks"),
            "watershed-boundary": self.tr("Close the gaps in a class that is itself a boundary, such as a membrane"),
            CRF: self.tr("Before all other steps, let pixels that are near and look alike agree; takes a while"),
        }
        intro = QLabel(self.tr("Steps run from top to bottom on every proposal of the folder. Labels stay."))
        intro.setWordWrap(True)
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self._empty = QLabel(self.tr("No step yet. Add one and watch the mask change."))
        self._empty.setWordWrap(True)
        self._empty.setEnabled(False)
        self._add = QPushButton(icon("plus"), self.tr("Add step"))
        self._add.setToolTip(self.tr("Add a step of clean-up at the end"))
        menu = QMenu(self._add)
        menu.setToolTipsVisible(True)
        for operation, name in self._names.items():
            action = menu.addAction(name)
            action.setToolTip(hints.get(operation, name))
            action.triggered.connect(partial(self._add_step, operation))
        self._add.setMenu(menu)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(heading(self.tr("Clean-up")))
        layout.addWidget(intro)
        layout.addSpacing(8)
        layout.addWidget(self._empty)
        layout.addLayout(self._list)
        layout.addWidget(self._add)
        layout.addSpacing(8)
        layout.addWidget(self.advice)
        layout.addStretch()

    def set_recipe(self, steps: tuple[Step, ...], classes: tuple[LabelClass, ...]) -> None:
        """Show a recipe without emitting anything."""
        self._classes = classes
        for row in self._rows:
            row.deleteLater()
        self._rows = []
        for step in steps:
            self._append(step)
        self._empty.setVisible(not self._rows)

    def steps(self) -> tuple[Step, ...]:
        return tuple(row.step() for row in self._rows)

    def ask_tuning(self) -> None:
        """Have the first watershed of the recipe tuned, or one that is to come."""
        steps = [step for step in self.steps() if step.operation in WATERSHEDS]
        step = steps[0] if steps else _START["watershed"]
        self.tuning_asked.emit(step.operation, step.class_index)

    def take_watershed(self, step: Step) -> None:
        """Put a tuned watershed in its place."""
        self.set_recipe(with_watershed(self.steps(), step), self._classes)
        self._emit(keep=True)

    def _add_step(self, operation: str, _checked: bool = False) -> None:
        self._append(_START[operation])
        self._empty.hide()
        self._emit(keep=True)

    def _append(self, step: Step) -> None:
        row = StepRow(self._names[step.operation], step, self._classes, self._tune, self)
        row.changed.connect(self._emit)
        row.tuning_asked.connect(self.tuning_asked)
        row.remove_asked.connect(lambda: self._remove(row))
        row.up_asked.connect(lambda: self._move_up(row))
        self._rows.append(row)
        self._list.addWidget(row)

    def _remove(self, row: StepRow) -> None:
        self._rows.remove(row)
        row.deleteLater()
        self._empty.setVisible(not self._rows)
        self._emit(keep=True)

    def _move_up(self, row: StepRow) -> None:
        index = self._rows.index(row)
        if index == 0:
            return
        self._rows.insert(index - 1, self._rows.pop(index))
        self._list.insertWidget(index - 1, row)
        self._emit(keep=True)

    def _emit(self, keep: bool) -> None:
        self.steps_changed.emit(self.steps(), keep)
