"""The panel of retraining: what it would learn from, how it goes, what came of it."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QPalette, QPixmap, QResizeEvent
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget

from unet_studio.core.scoring.judgement import Judgement, TooClose
from unet_studio.core.scoring.lesson import Lesson
from unet_studio.core.scoring.verdict_sentences import details, headline
from unet_studio.gui.controls.buttons import action_button, heading
from unet_studio.gui.jobs.activity import Activity
from unet_studio.protocol.values import Preparing, Round

if TYPE_CHECKING:  # its library is loaded when a training begins
    from unet_studio.gui.panels.round_chart import RoundChart


class RetrainPanel(QWidget):
    """One button; below it the training is shown round by round."""

    cancel_asked = Signal()
    rule_chosen = Signal(object)  # TooClose

    def __init__(self, retrain: QAction, train_longer: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rounds: list[Round] = []
        self._slides = 0
        self._warm = True
        self._lesson = Lesson(())
        self._picture = QPixmap()
        self._basis = QLabel()
        self._basis.setWordWrap(True)
        self._button = action_button(retrain)
        self._longer = action_button(train_longer)
        self._longer.hide()
        self._rule = self._make_rule()
        self._cancel = QPushButton(self.tr("Stop and keep what was learned"))
        self._cancel.setToolTip(self.tr("End the training now; what was learned so far becomes the new model (Esc)"))
        self._cancel.hide()
        self._state = QLabel()
        self._state.setWordWrap(True)
        self._note = QLabel()
        self._note.setWordWrap(True)
        self._note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._note.hide()
        self._chart: RoundChart | None = None  # until a training begins
        self._preview = QLabel()
        self._preview.setAccessibleName(self.tr("One slide with the mask as it comes out now"))
        self._preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._preview.hide()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(heading(self.tr("Retrain")))
        layout.addWidget(self._basis)
        layout.addWidget(self._button)
        layout.addWidget(self._cancel)
        layout.addWidget(self._longer)
        layout.addLayout(self._rule_row())
        layout.addWidget(self._state)
        layout.addWidget(self._note)
        layout.addWidget(self._preview)
        layout.addStretch()
        self._column = layout

        self._cancel.clicked.connect(self.cancel_asked)
        self._rule.activated.connect(lambda _: self.rule_chosen.emit(TooClose(self._rule.currentData())))

    def _make_rule(self) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(self.tr("When old and new are too close to call"))
        box.setToolTip(
            self.tr(
                "What becomes of a new model where the hold-out can't tell whether it is better than the one in use. "
                "A better one is always used, and a worse one never; every model stays under Models…"
            )
        )
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for rule, text in (
            (TooClose.IF_KEPT, self.tr("use the new one if corrections are kept")),
            (TooClose.ALWAYS, self.tr("always use the new one")),
            (TooClose.NEVER, self.tr("keep the old one")),
        ):
            box.addItem(text, rule.value)
        return box

    def _rule_row(self) -> QVBoxLayout:
        label = QLabel(self.tr("When old and new are too close to call:"))
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        label.setWordWrap(True)
        label.setBuddy(self._rule)
        row = QVBoxLayout()
        row.setSpacing(4)
        row.addWidget(label)
        row.addWidget(self._rule)
        return row

    def set_rule(self, rule: TooClose, *, can_change: bool) -> None:
        """Show what becomes of a new model that is too close to call; of another folder no training was shown yet."""
        self._rule.setEnabled(can_change)
        self._rule.setCurrentIndex(self._rule.findData(rule.value))
        self._longer.hide()

    def set_basis(self, slides: int) -> None:
        """How many slides carry labels: what the button would learn from."""
        self._slides = slides
        self._describe_training()

    def set_lesson(self, lesson: Lesson) -> None:
        """What the button would have learned and judged, or why it can't be chosen."""
        self._lesson = lesson
        self._describe_training()

    def set_start(self, *, warm: bool) -> None:
        """Whether the button would start from the active model; otherwise from scratch."""
        self._warm = warm
        self._describe_training()

    def _describe_training(self) -> None:
        if self._slides == 0:
            text = self.tr("Nothing is labelled yet. Correct a mask with the brush, or mark a slide as reviewed.")
            title = self.tr("Retrain")
        elif not self._warm:
            text = self.tr(
                "It trains a first model from scratch on what you painted and reviewed, on nothing else. Begin with a "
                "few strokes of each class, background too. You can go on painting meanwhile; it takes about a minute."
            )
            title = self.tr("Train a first model")
        else:
            text = self.tr(
                "It learns from what you painted and reviewed, and starts from the active model. You can go on "
                "painting meanwhile; it takes about a minute."
            )
            title = self.tr("Retrain on %n labelled slide(s)", "", self._slides)
        if self._slides:
            said = [self._lesson.refusal, " ".join(self._lesson.learned), " ".join(self._lesson.judged)]
            text = "\n\n".join([part for part in said if part] + [text])
        self._basis.setText(text)
        self._button.setText(title)

    def begin(self, activity: Activity) -> None:
        """A training started."""
        self._rounds.clear()
        self._draw()
        self._state.setText(self.tr("Reading the labelled slides…"))
        self._note.hide()
        self._basis.hide()
        self._longer.hide()
        self._cancel.show()
        activity.ended.connect(self._cancel.hide)
        activity.ended.connect(self._basis.show)
        activity.ended.connect(self._forget_reading)

    def _forget_reading(self) -> None:
        """A training that ended before its first round reads no more slides."""
        if not self._rounds:
            self._state.clear()

    def show_preparing(self, preparing: Preparing) -> None:
        """Before the first round the labelled slides are read, which may take minutes."""
        text = self.tr("Reading labelled plane {0} of {1}: {2}")
        self._state.setText(text.format(preparing.number, preparing.planes, preparing.slide))

    def add_round(self, round_: Round) -> None:
        self._rounds.append(round_)
        self._draw()
        dice = "–" if math.isnan(round_.dice) else f"{round_.dice:.3f}"
        if round_.round == 0:
            text = self.tr("Dice before the first round: {0}").format(dice)
        elif round_.kept:
            text = self.tr("Round {0} of {1}: Dice {2}").format(round_.round, round_.rounds, dice)
        else:
            best = max((r for r in self._rounds if r.kept), key=lambda r: r.round)
            text = self.tr("Round {0} of {1}: Dice {2}, no better than the {3:.3f} of round {4}").format(
                round_.round, round_.rounds, dice, best.dice, best.round
            )
        self._state.setText(text)
        if round_.note:  # it stays until the next one: what was halved stays halved
            self._note.setText(round_.note)
            self._note.show()
        self._picture = QPixmap(str(Path(round_.preview)))
        self._show_picture()

    def finish(self, judgement: Judgement) -> None:
        """Show what is said of the new model, and what else there is to know of it."""
        self._state.setText("\n\n".join([headline(judgement), *details(judgement)]))
        self._longer.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_picture()

    def _show_picture(self) -> None:
        if self._picture.isNull():
            return
        ratio = self.devicePixelRatioF()
        side = round(min(self.width() - 32, 320) * ratio)
        scaled = self._picture.scaled(
            side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        scaled.setDevicePixelRatio(ratio)
        self._preview.setPixmap(scaled)
        self._preview.show()

    def _draw(self) -> None:
        if self._chart is None:
            from unet_studio.gui.panels.round_chart import RoundChart

            self._chart = RoundChart()
            self._column.insertWidget(self._column.indexOf(self._preview), self._chart)
        self._chart.show_rounds(self._rounds)
