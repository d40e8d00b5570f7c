"""Advice on the clean-up: a button that asks for it, what was found, and a click that uses it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from unet_studio.core.labels.edits import MaskRecipe
from unet_studio.gui.controls.buttons import action_button, heading
from unet_studio.gui.controls.theme import icon
from unet_studio.usecases.cleaning.advice_sentences import headline, objects_text, recipe_text
from unet_studio.usecases.cleaning.advise import Advice
from unet_studio.usecases.cleaning.recipe_search import Quality


class AdviceCard(QWidget):
    """What the adviser found last on the reviewed slides of the open folder."""

    use_asked = Signal(object, str)  # MaskRecipe, the sentence of the edit

    def __init__(self, advise: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recipe = MaskRecipe()
        self._text = QLabel()
        self._steps = QLabel()
        for label in (self._text, self._steps):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._figures = QWidget()
        self._cells = [[QLabel() for _ in range(3)] for _ in range(3)]
        grid = QGridLayout(self._figures)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(2, 1)
        grid.setHorizontalSpacing(12)
        for row, cells in enumerate(self._cells):
            for column, cell in enumerate(cells):
                grid.addWidget(cell, row, column)
        self._fill_row(0, "", self.tr("Dice"), self.tr("Objects right"))
        self._use = QPushButton(icon("check"), self.tr("Use this clean-up"))
        self._use.setToolTip(self.tr("Take the advised threshold and steps; one undo takes them back"))
        self._use.clicked.connect(self._ask_use)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(heading(self.tr("Advice")))
        for widget in (action_button(advise), self._text, self._figures, self._steps, self._use):
            layout.addWidget(widget)
        self.clear()

    def clear(self) -> None:
        """Nothing was found yet in this folder."""
        self._text.setText(self.tr("Reviewed slides can tell which clean-up would have saved most corrections."))
        for widget in (self._figures, self._steps, self._use):
            widget.hide()

    def show_advice(self, advice: Advice) -> None:
        """Show what was found, and offer it where it is better."""
        self._recipe = advice.recipe
        self._text.setText(headline(advice))
        self._steps.setText(recipe_text(advice.recipe))
        self._show_figures(1, self.tr("Now"), advice.before)
        self._show_figures(2, self.tr("Advised"), advice.left_out)
        for widget in (self._figures, self._steps, self._use):
            widget.setVisible(advice.is_better)

    def _show_figures(self, row: int, name: str, quality: Quality) -> None:
        self._fill_row(row, name, f"{quality.dice:.3f}", objects_text(quality))

    def _fill_row(self, row: int, *texts: str) -> None:
        for cell, text in zip(self._cells[row], texts, strict=True):
            cell.setText(text)

    def _ask_use(self) -> None:
        self.use_asked.emit(self._recipe, self.tr("advised clean-up"))
        self._use.hide()
