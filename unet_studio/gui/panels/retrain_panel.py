"""The panel of retraining: what it would learn from, how it goes, what came of it."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QPixmap, QResizeEvent
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget

from unet_studio.core.scoring.judgement import Judgement, TooClose
from unet_studio.core.scoring.lesson import Lesson
from unet_studio.gui.controls.buttons import action_button, quiet_label
from unet_studio.gui.jobs.activity import Activity
from unet_studio.gui.panels.verdict_card import VerdictCard
from unet_studio.protocol.values import Preparing, Round

if TYPE_CHECKING:  # its library is loaded when a training begins
    from unet_studio.gui.panels.round_chart import RoundChart


class RetrainPanel(QWidget):
    """The verdict on the last training, then one button; while it trains, how that goes and nothing else."""

    cancel_asked = Signal()
    rule_chosen = Signal(object)  # TooClose

    def __init__(self, retrain: QAction, train_longer: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rounds: list[Round] = []
        self._warm = True
        self._lesson = Lesson()
        self._picture = QPixmap()
        self._verdict = VerdictCard(train_longer)
        self._advice = QLabel()
        self._advice.setWordWrap(True)
        self._button = action_button(retrain)
        self._terms = quiet_label()
        self._rule = self._make_rule()
        self._next = self._make_next()
        self._state = QLabel()
        self._state.setWordWrap(True)
        self._state.hide()
        self._cancel = QPushButton(self.tr("Stop and keep what was learned"))
        self._cancel.setToolTip(self.tr("End the training now; what was learned so far becomes the new model (Esc)"))
        self._cancel.hide()
        self._note = quiet_label()
        self._note.hide()
        self._chart: RoundChart | None = None  # until a training begins
        self._preview = QLabel()
        self._preview.setAccessibleName(self.tr("One slide with the mask as it comes out now"))
        self._preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._preview.hide()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        for widget in (self._verdict, self._next, self._state, self._cancel, self._note, self._preview):
            layout.addWidget(widget)
        layout.addStretch()
        self._column = layout

        self._cancel.clicked.connect(self.cancel_asked)
        self._rule.activated.connect(lambda _: self.rule_chosen.emit(TooClose(self._rule.currentData())))
        self._describe_training()

    def _make_next(self) -> QWidget:
        """What can be done now: hidden while a training runs."""
        rule = quiet_label(self.tr("When it is too close to call, use"))
        rule.setBuddy(self._rule)
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 8)
        layout.setSpacing(8)
        for widget in (self._advice, self._button, self._terms):
            layout.addWidget(widget)
        layout.addSpacing(8)
        layout.addWidget(rule)
        layout.addWidget(self._rule)
        return box

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
            (TooClose.IF_KEPT, self.tr("the new one if it keeps corrections")),
            (TooClose.ALWAYS, self.tr("always the new one")),
            (TooClose.NEVER, self.tr("the old one")),
        ):
            box.addItem(text, rule.value)
        return box

    def set_rule(self, rule: TooClose, *, can_change: bool) -> None:
        """Show what becomes of a new model that is too close to call."""
        self._rule.setEnabled(can_change)
        self._rule.setCurrentIndex(self._rule.findData(rule.value))

    def set_lesson(self, lesson: Lesson) -> None:
        """What the button would have learned and judged, or why it can't be chosen."""
        self._lesson = lesson
        self._describe_training()

    def set_active_model(self, model: str) -> None:
        """Which model is in use now, by its id: perhaps not the one that the verdict left in use."""
        self._verdict.set_active_model(model)

    def set_start(self, *, warm: bool) -> None:
        """Whether the button would start from the active model; otherwise from scratch."""
        self._warm = warm
        self._describe_training()

    def _describe_training(self) -> None:
        """One number on the button, what a person may do first above it, and its terms below."""
        lesson = self._lesson
        if not lesson.teaching:
            title = self.tr("Retrain") if self._warm else self.tr("Train a first model")
        elif self._warm:
            title = self.tr("Retrain on %n slide(s)", "", lesson.teaching)
        else:
            title = self.tr("Train a first model on %n slide(s)", "", lesson.teaching)
        self._button.setText(title)
        self._button.setAccessibleName(title)
        advice = lesson.refusal or "\n".join(lesson.advice)
        self._advice.setText(advice)
        self._advice.setVisible(bool(advice))
        self._terms.setText(self._say_terms())
        self._terms.setHidden(bool(lesson.refusal))

    def _say_terms(self) -> str:
        judging, held_out = self._lesson.judging, self._lesson.held_out
        if not self._warm:
            return self.tr("It starts from scratch and takes about a minute. Go on painting meanwhile.")
        terms = self.tr("It starts from the active model and takes about a minute. Go on painting meanwhile.")
        if not judging:
            return terms
        judged = self.tr("Judged on %n held-out slide(s).", "", judging)
        if judging < held_out:
            judged = self.tr("Judged on {0} of {1} held-out slides.").format(judging, held_out)
        return f"{judged} {terms}"

    def forget_training(self) -> None:
        """Another folder was opened, and the last training was not of its slides."""
        self._picture = QPixmap()
        for widget in (self._verdict, self._state, self._note, self._chart, self._preview):
            if widget is not None:
                widget.hide()

    def begin(self, activity: Activity) -> None:
        """A training started."""
        self._rounds.clear()
        self._draw()
        self._say_state(self.tr("Reading the labelled slides…"))
        for widget in (self._verdict, self._next, self._note):
            widget.hide()
        self._cancel.show()
        activity.ended.connect(self._end)

    def _end(self) -> None:
        """The rounds stay to be seen; a training that ended before its first round reads no more slides."""
        self._picture = QPixmap()
        for widget in (self._cancel, self._preview):
            widget.hide()
        self._next.show()
        if not self._rounds:
            self._say_state("")

    def _say_state(self, text: str) -> None:
        self._state.setText(text)
        self._state.setVisible(bool(text))

    def show_preparing(self, preparing: Preparing) -> None:
        """Before the first round the labelled slides are read, which may take minutes."""
        text = self.tr("Reading labelled plane {0} of {1}: {2}")
        self._say_state(text.format(preparing.number, preparing.planes, preparing.slide))

    def add_round(self, round_: Round) -> None:
        self._rounds.append(round_)
        self._draw()
        dice = "–" if math.isnan(round_.dice) else f"{round_.dice:.3f}"
        if round_.round == 0:
            text = self.tr("Dice before the first round: {0}").format(dice)
        elif (best := self._best_round()) is None or round_.kept:
            text = self.tr("Round {0} of {1}: Dice {2}").format(round_.round, round_.rounds, dice)
        else:
            text = self.tr("Round {0} of {1}: Dice {2}, no better than the {3:.3f} of round {4}").format(
                round_.round, round_.rounds, dice, best.dice, best.round
            )
        self._say_state(text)
        if round_.note:  # it stays until the next one: what was halved stays halved
            self._note.setText(round_.note)
            self._note.show()
        self._picture = QPixmap(str(Path(round_.preview)))
        self._show_picture()

    def _best_round(self) -> Round | None:
        """The round so far whose weights are kept."""
        return max((round_ for round_ in self._rounds if round_.kept), key=lambda kept: kept.round, default=None)

    def finish(self, judgement: Judgement) -> None:
        """Show what is said of the new model, and what else there is to know of it."""
        self._verdict.show_judgement(judgement)

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
        self._chart.show()
