"""The verdict on the model that was trained last: whether it is in use, why, and what else there is to know of it."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from unet_studio.core.scoring.judgement import Judgement
from unet_studio.core.scoring.verdict_sentences import details, outcome
from unet_studio.gui.controls.buttons import action_button, heading, quiet_label


class VerdictCard(QWidget):
    """Hidden until a training has ended; then the verdict, a paragraph for each part of it, and what can be done."""

    def __init__(self, train_longer: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._judgement: Judgement | None = None
        self._verdict, self._consequence, self._reason = heading(""), QLabel(), QLabel()
        self._details = QVBoxLayout()
        self._details.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 8)
        layout.setSpacing(8)
        for label in (self._verdict, self._consequence, self._reason):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            layout.addWidget(label)
        layout.addLayout(self._details)
        layout.addWidget(action_button(train_longer))
        self.hide()

    def show_judgement(self, judgement: Judgement) -> None:
        """Show what is said of a new model."""
        self._judgement = judgement
        said = outcome(judgement)
        self._verdict.setText(f"{said.verdict}.")
        self._consequence.setText(said.consequence)
        self._reason.setText(f"{said.reason[:1].upper()}{said.reason[1:]}.")
        self._reason.setHidden(not said.reason)
        while (item := self._details.takeAt(0)) is not None:
            if (before := item.widget()) is not None:
                before.deleteLater()
        for sentence in details(judgement):
            label = quiet_label(sentence)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._details.addWidget(label)
        self.show()

    def set_active_model(self, model: str) -> None:
        """Say so where the model in use is not the one that the verdict left in use."""
        judgement = self._judgement
        if judgement is None:
            return
        text = outcome(judgement).consequence
        if model == judgement.model and not judgement.is_adopted:
            text = self.tr("You chose to use it nevertheless.")
        elif model != judgement.model and judgement.is_adopted:
            text = self.tr("Another model is in use now.")
        self._consequence.setText(text)
