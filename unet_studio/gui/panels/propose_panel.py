"""The panel where the machine proposes: model, buttons, threshold."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from unet_studio.core.models.cards import ModelCard
from unet_studio.gui.controls.buttons import action_button, heading, horizontal_slider, set_silently


class ProposePanel(QWidget):
    """Shows models and threshold and emits what is chosen; the session decides."""

    model_chosen = Signal(str)
    threshold_changed = Signal(float, bool)  # value, whether to keep it (not while dragging)

    def __init__(
        self,
        propose: QAction,
        propose_all: QAction,
        flips: QAction,
        models: QAction,
        *,
        take_newer: QAction,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._models = QComboBox()
        self._models.setAccessibleName(self.tr("Model"))
        self._models.setToolTip(self.tr("The model that proposes; a retrained one starts from the one chosen here"))
        self._models.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        all_models = QToolButton()
        all_models.setDefaultAction(models)
        all_models.setAccessibleName(self.tr("All models"))
        self._facts = QLabel()
        self._facts.setWordWrap(True)
        self._facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._this = action_button(propose)
        self._all = action_button(propose_all)
        self._under = QLabel()
        self._under.setWordWrap(True)
        self._newer = action_button(take_newer)
        self._flips = QCheckBox(self.tr("{0} (eight times slower)").format(flips.text()))
        self._flips.setToolTip(flips.toolTip())
        self._flips.setChecked(flips.isChecked())
        self._threshold = horizontal_slider(2, 98, 50, self.tr("Threshold"))
        self._threshold.setToolTip(self.tr("How sure the model must be before a pixel belongs to a class"))
        self._value = QLabel("0.50")
        self._value.setMinimumWidth(self._value.fontMetrics().horizontalAdvance("0.00") + 4)

        model_row = QHBoxLayout()
        model_row.addWidget(self._models, 1)
        model_row.addWidget(all_models)
        threshold_row = QHBoxLayout()
        threshold_row.addWidget(self._threshold)
        threshold_row.addWidget(self._value)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(heading(self.tr("Model")))
        layout.addLayout(model_row)
        layout.addWidget(self._facts)
        layout.addSpacing(8)
        layout.addWidget(self._this)
        layout.addWidget(self._all)
        layout.addWidget(self._flips)
        layout.addWidget(self._under)
        layout.addWidget(self._newer)
        layout.addSpacing(8)
        layout.addWidget(heading(self.tr("Threshold")))
        layout.addLayout(threshold_row)
        layout.addStretch()

        self.set_under("", has_newer=False)
        self._models.activated.connect(lambda index: self.model_chosen.emit(self._models.itemData(index)))
        self._flips.clicked.connect(flips.trigger)
        flips.toggled.connect(self._flips.setChecked)
        self._threshold.valueChanged.connect(self._on_threshold)
        self._threshold.sliderReleased.connect(lambda: self._emit_threshold(keep=True))

    def set_models(self, cards: list[ModelCard], active: str) -> None:
        """Show the models, and facts about the active one."""
        self._models.clear()
        for card in cards:
            self._models.addItem(card.title, card.id)
        index = self._models.findData(active)
        self._models.setCurrentIndex(index)
        chosen = next((card for card in cards if card.id == active), None)
        self._facts.setText(self._describe(chosen) if chosen else self.tr("No model is chosen."))

    def set_under(self, text: str, *, has_newer: bool) -> None:
        """Say which proposal the open plane keeps under its corrections, and offer the newer one; nothing if empty."""
        self._under.setText(text)
        self._under.setVisible(bool(text))
        self._newer.setVisible(has_newer)

    def set_threshold(self, threshold: float) -> None:
        set_silently(self._threshold, round(threshold * 100))
        self._value.setText(f"{threshold:.2f}")

    def _describe(self, card: ModelCard) -> str:
        names = ", ".join(c.name for c in card.classes[1:])
        dice = card.scores.get("dice")
        judged = card.scores.get("judged_on", "")
        score = self.tr("Dice {0:.2f} on {1}").format(dice, judged) if dice else ""
        return self.tr("Finds {0}.").format(names) + (f" {score}." if score else "")

    def _on_threshold(self, value: int) -> None:
        self._value.setText(f"{value / 100:.2f}")
        self._emit_threshold(keep=not self._threshold.isSliderDown())

    def _emit_threshold(self, *, keep: bool) -> None:
        self.threshold_changed.emit(self._threshold.value() / 100, keep)
