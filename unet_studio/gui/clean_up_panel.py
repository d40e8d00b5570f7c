"""The panel of the clean-up recipe: ordered steps of morphology, previewed as they change."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from unet_studio.core.classes import LabelClass
from unet_studio.core.clean_up import Step
from unet_studio.gui.controls import heading, horizontal_slider, set_silently, tool_button
from unet_studio.gui.theme import icon

_START = {"dilate": 2, "erode": 2, "open": 2, "close": 2, "fill-holes": 64, "remove-small": 64}
_MOST = {"dilate": 40, "erode": 40, "open": 40, "close": 40, "fill-holes": 5000, "remove-small": 5000}


class CleanUpPanel(QWidget):
    """Edits the recipe; every change is emitted at once, so that the canvas shows it as a slider moves."""

    steps_changed = Signal(object, bool)  # tuple[Step, ...], whether to keep it (not while dragging)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[LabelClass, ...] = ()
        self._rows: list[_StepRow] = []
        self._names = {
            "dilate": self.tr("Dilate"),
            "erode": self.tr("Erode"),
            "open": self.tr("Open"),
            "close": self.tr("Close"),
            "fill-holes": self.tr("Fill holes"),
            "remove-small": self.tr("Remove small"),
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
        for operation, name in self._names.items():
            menu.addAction(name).triggered.connect(partial(self._add_step, operation))
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

    def _add_step(self, operation: str, _checked: bool = False) -> None:
        self._append(Step(operation, _START[operation]))
        self._empty.hide()
        self._emit(keep=True)

    def _append(self, step: Step) -> None:
        row = _StepRow(self._names[step.operation], step, self._classes, self)
        row.changed.connect(self._emit)
        row.remove_asked.connect(lambda: self._remove(row))
        row.up_asked.connect(lambda: self._move_up(row))
        self._rows.append(row)
        self._list.addWidget(row)

    def _remove(self, row: "_StepRow") -> None:
        self._rows.remove(row)
        row.deleteLater()
        self._empty.setVisible(not self._rows)
        self._emit(keep=True)

    def _move_up(self, row: "_StepRow") -> None:
        index = self._rows.index(row)
        if index == 0:
            return
        self._rows.insert(index - 1, self._rows.pop(index))
        self._list.insertWidget(index - 1, row)
        self._emit(keep=True)

    def _emit(self, keep: bool) -> None:
        self.steps_changed.emit(self.steps(), keep)


class _StepRow(QWidget):
    """One step: its name, its amount as slider and number, its class."""

    changed = Signal(bool)
    remove_asked = Signal()
    up_asked = Signal()

    def __init__(self, name: str, step: Step, classes: tuple[LabelClass, ...], parent: QWidget) -> None:
        super().__init__(parent)
        self._operation = step.operation
        area = step.operation in ("fill-holes", "remove-small")
        least = 0 if step.operation == "fill-holes" else 1
        self._amount = QSpinBox(minimum=least, maximum=max(_MOST[step.operation], step.amount), value=step.amount)
        self._amount.setSuffix(self.tr(" px²") if area else self.tr(" px"))
        self._amount.setAccessibleName(self.tr("{0}: amount").format(name))
        if least == 0:
            self._amount.setSpecialValueText(self.tr("any size"))
        self._slider = horizontal_slider(least, _slider_top(step), step.amount, self.tr("{0}: amount").format(name))
        self._class = QComboBox()
        self._class.setAccessibleName(self.tr("{0}: class").format(name))
        self._class.addItem(self.tr("all classes"), None)
        for label_class in classes[1:]:
            self._class.addItem(label_class.name, label_class.index)
        self._class.setCurrentIndex(max(0, self._class.findData(step.class_index)))
        self._class.setVisible(len(classes) > 2)
        up = tool_button("chevron-up", self.tr("Move {0} up").format(name))
        remove = tool_button("x", self.tr("Remove {0}").format(name))

        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(QLabel(name))
        top.addWidget(self._class)
        top.addStretch()
        top.addWidget(up)
        top.addWidget(remove)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top, 0, 0, 1, 2)
        layout.addWidget(self._slider, 1, 0)
        layout.addWidget(self._amount, 1, 1)

        self._slider.valueChanged.connect(self._on_slider)
        self._slider.sliderReleased.connect(lambda: self.changed.emit(True))
        self._amount.valueChanged.connect(self._on_amount)
        self._class.activated.connect(lambda _: self.changed.emit(True))
        up.clicked.connect(self.up_asked)
        remove.clicked.connect(self.remove_asked)

    def step(self) -> Step:
        return Step(self._operation, self._amount.value(), self._class.currentData())

    def _on_slider(self, value: int) -> None:
        self._amount.blockSignals(True)
        self._amount.setValue(value)
        self._amount.blockSignals(False)
        self.changed.emit(not self._slider.isSliderDown())

    def _on_amount(self, value: int) -> None:
        set_silently(self._slider, value)
        self.changed.emit(True)


def _slider_top(step: Step) -> int:
    """The slider covers what is usual; the number beside it goes further."""
    return max(500 if step.operation in ("fill-holes", "remove-small") else 15, step.amount)
