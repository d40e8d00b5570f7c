"""One step of the clean-up as a row of the panel: its name, its class, and its numbers."""

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from unet_studio.core.classes import LabelClass
from unet_studio.core.cleaning.steps import AREA_OPERATIONS, CRF, WATERSHEDS, Step
from unet_studio.gui.controls.buttons import horizontal_slider, set_silently, tool_button


@dataclass(frozen=True, slots=True)
class _Limits:
    """Of one number of a step: where the slider starts and ends, the most that can be typed, and its decimals."""

    least: float
    usual: float
    most: float
    decimals: int = 0


_RADIUS = _Limits(1, 15, 40)
_SIGMA = _Limits(0, 5, 50, decimals=1)
_AMOUNTS = {
    "dilate": _RADIUS,
    "erode": _RADIUS,
    "open": _RADIUS,
    "close": _RADIUS,
    "fill-holes": _Limits(0, 500, 5000),
    "remove-small": _Limits(1, 500, 5000),
    "watershed": _SIGMA,
    "watershed-distance": _SIGMA,
    "watershed-boundary": _SIGMA,
    CRF: _Limits(1, 30, 50, decimals=1),
}
_PROBABILITY = _Limits(0.01, 0.5, 1, decimals=2)
_HEIGHTS = {
    "watershed": _PROBABILITY,
    "watershed-distance": _Limits(0.1, 10, 100, decimals=1),
    "watershed-boundary": _PROBABILITY,
}
_WEIGHT = _Limits(0.1, 10, 100, decimals=1)
_COLOUR = _Limits(0.01, 0.5, 1, decimals=2)


class StepRow(QWidget):
    """One step: its name, its class, and its numbers; a watershed's can be tuned."""

    changed = Signal(bool)
    tuning_asked = Signal(str, object)
    remove_asked = Signal()
    up_asked = Signal()

    def __init__(self, name: str, step: Step, classes: tuple[LabelClass, ...], tune: QAction, parent: QWidget) -> None:
        super().__init__(parent)
        self._operation = step.operation
        pixels = self.tr(" px²") if step.operation in AREA_OPERATIONS else self.tr(" px")
        amount = self.tr("{0}: smoothing") if step.operation in WATERSHEDS else self.tr("{0}: amount")
        self._amount = _Number(amount.format(name), step.amount, _AMOUNTS[step.operation], pixels)
        self._others: dict[str, _Number] = {}
        if step.operation == "fill-holes":
            self._amount.name_least(self.tr("any size"))
        if step.operation in WATERSHEDS:
            unit = pixels if step.operation == "watershed-distance" else ""
            limits = _HEIGHTS[step.operation]
            self._others["height"] = _Number(self.tr("{0}: height").format(name), step.height, limits, unit)
            self._amount.explain(self.tr("Smoothing"), self.tr("Up to what size ups and downs are smoothed before"))
            self._others["height"].explain(
                self.tr("Height"), self.tr("How deep the valley between two objects is at least")
            )
        if step.operation == CRF:
            self._others["weight"] = _Number(self.tr("{0}: weight").format(name), step.weight, _WEIGHT, "")
            self._others["weight"].explain(self.tr("Weight"), self.tr("How much the slide counts against the proposal"))
            self._others["colour"] = _Number(self.tr("{0}: difference").format(name), step.colour, _COLOUR, "")
            self._others["colour"].explain(
                self.tr("Difference"),
                self.tr("How different pixels may look that agree, as a share of the slide's contrast"),
            )
            self._amount.explain(self.tr("Distance"), self.tr("How near each other pixels are that agree"))
        self._class = QComboBox()
        self._class.setAccessibleName(self.tr("{0}: class").format(name))
        self._class.addItem(self.tr("all classes"), None)
        for label_class in classes[1:]:
            self._class.addItem(label_class.name, label_class.index)
        self._class.setCurrentIndex(max(0, self._class.findData(step.class_index)))
        self._class.setVisible(len(classes) > 2 and step.operation != CRF)
        self._class.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._class.setMinimumContentsLength(8)  # a class may have a long name
        up = tool_button("chevron-up", self.tr("Move {0} up").format(name))
        remove = tool_button("x", self.tr("Remove {0}").format(name))

        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(QLabel(name))
        if step.operation not in WATERSHEDS:  # these have long names
            top.addWidget(self._class)
        top.addStretch()
        top.addWidget(up)
        top.addWidget(remove)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        for number in (self._amount, *self._others.values()):
            layout.addWidget(number)
            number.changed.connect(self.changed)
        if step.operation in WATERSHEDS:
            bottom = QHBoxLayout()
            bottom.addWidget(self._class)
            bottom.addStretch()
            bottom.addWidget(self._tune_button(name, tune))
            layout.addLayout(bottom)

        self._class.activated.connect(lambda _: self.changed.emit(True))
        up.clicked.connect(self.up_asked)
        remove.clicked.connect(self.remove_asked)

    def _tune_button(self, name: str, tune: QAction) -> QPushButton:
        button = QPushButton(tune.icon(), self.tr("Tune on labels"))
        button.setAccessibleName(self.tr("{0}: tune on labels").format(name))
        button.setToolTip(tune.toolTip())
        button.setEnabled(tune.isEnabled())
        tune.enabledChanged.connect(button.setEnabled)
        button.clicked.connect(lambda: self.tuning_asked.emit(self._operation, self._class.currentData()))
        return button

    def step(self) -> Step:
        others = {field: number.value for field, number in self._others.items()}
        return Step(self._operation, self._amount.value, self._class.currentData(), **others)


class _Number(QWidget):
    """One number of a step, as slider and as text; the slider covers what is usual, the text goes further."""

    changed = Signal(bool)  # whether to keep it (not while dragging)

    def __init__(self, name: str, value: float, limits: _Limits, unit: str) -> None:
        super().__init__()
        self.value = value
        """As it was given, until it is changed here: it may have more decimals than are shown."""
        self._steps = 10**limits.decimals
        self._text = QDoubleSpinBox(
            decimals=limits.decimals,
            minimum=limits.least,
            maximum=max(limits.most, value),
            singleStep=1 / self._steps,
            value=value,
            suffix=unit,
        )
        self._text.setAccessibleName(name)
        least, most = round(limits.least * self._steps), round(max(limits.usual, value) * self._steps)
        self._slider = horizontal_slider(least, most, round(value * self._steps), name)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self._slider, 1)
        self._row.addWidget(self._text)
        self._slider.valueChanged.connect(self._on_slider)
        self._slider.sliderReleased.connect(lambda: self.changed.emit(True))
        self._text.valueChanged.connect(self._on_text)

    def explain(self, caption: str, hint: str) -> None:
        """Write `caption` in front, where a step has several numbers, with a tooltip that says what it does."""
        label = QLabel(caption)
        label.setFixedWidth(label.fontMetrics().averageCharWidth() * 13)
        self._text.setFixedWidth(self._text.fontMetrics().averageCharWidth() * 15)
        for widget in (label, self._slider, self._text):
            widget.setToolTip(hint)
        self._row.insertWidget(0, label)

    def name_least(self, text: str) -> None:
        """Show `text` instead of the least number."""
        self._text.setSpecialValueText(text)

    def _on_slider(self, value: int) -> None:
        self.value = value / self._steps
        self._text.blockSignals(True)
        self._text.setValue(self.value)
        self._text.blockSignals(False)
        self.changed.emit(not self._slider.isSliderDown())

    def _on_text(self, value: float) -> None:
        self.value = round(value, 6)
        set_silently(self._slider, round(value * self._steps))
        self.changed.emit(True)
