"""What a person does with models: the dialog of all of them, choosing after a training, comparing, removing."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox, QWidget

from unet_studio.core.models.interrupted import trainings_that_need
from unet_studio.core.models.notes import read_note
from unet_studio.core.scoring.comparison_sentences import comparison_sentences
from unet_studio.core.scoring.gate import judge_compared
from unet_studio.gui.controls.notice import Notice
from unet_studio.gui.jobs.activity import Activity
from unet_studio.gui.jobs.jobs import Jobs
from unet_studio.gui.panels.message_bar import MessageBar
from unet_studio.gui.session.changes import Changes
from unet_studio.gui.session.session import Session
from unet_studio.protocol.values import Compared
from unet_studio.usecases.remove_model import RemovedModel

if TYPE_CHECKING:  # it is loaded when it is first asked for
    from unet_studio.gui.panels.models_dialog import ModelsDialog


class ModelControls(QObject):
    """Shows the models of the project and the starters, and carries out what is asked for in their dialog."""

    def __init__(self, session: Session, tasks: Jobs, messages: MessageBar, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._tasks = tasks
        self._messages = messages
        self._window = window
        self._dialog: ModelsDialog | None = None
        session.changed.connect(self._refresh)
        session.workspace_closed.connect(self._close)
        tasks.busy_changed.connect(self._show_busy)
        tasks.comparing.began.connect(self._begin_comparison)
        tasks.comparing.compared.connect(self._tell_comparison)
        for source in (session, tasks.comparing):
            source.notice.connect(self._echo)

    def show_models(self) -> None:
        """Bring the dialog of all models to the front."""
        if self._session.workspace is None:
            return
        if self._dialog is None:
            from unet_studio.gui.panels.models_dialog import ModelsDialog

            dialog = self._dialog = ModelsDialog(self._window)
            dialog.use_asked.connect(self._session.models.use)
            dialog.compare_asked.connect(self._tasks.compare_models)
            dialog.note_changed.connect(self._session.models.note)
            dialog.remove_asked.connect(self._ask_to_remove)
        self._fill()
        self._show_busy()
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.activateWindow()

    def _fill(self) -> None:
        workspace = self._session.workspace
        if self._dialog is None or workspace is None:
            return
        from unet_studio.gui.panels.models_dialog import ListedModel

        known = self._session.models.known()
        titles = {card.id: card.title for card in known}
        models = [ListedModel(card, read_note(card), titles.get(card.parent, card.parent)) for card in known]
        self._dialog.show_models(models, workspace.active_model, read_only=bool(workspace.read_only))

    def _refresh(self, changes: Changes) -> None:
        if changes.models and self._dialog is not None and self._dialog.isVisible():
            self._fill()

    def _close(self) -> None:
        if self._dialog is not None:
            self._dialog.close()

    def _show_busy(self) -> None:
        if self._dialog is not None:
            self._dialog.set_busy(busy=self._tasks.is_busy)

    def _begin_comparison(self, activity: Activity) -> None:
        if self._dialog is not None:
            self._dialog.begin_comparison(activity)

    def _tell_comparison(self, compared: Compared) -> None:
        """Say which of two models is better."""
        titles = {card.id: card.title for card in self._session.models.known()}
        self._tell(*comparison_sentences(compared, judge_compared(compared), titles))

    def _tell(self, *sentences: str) -> None:
        """Say something in the dialog, or above the canvas where that was closed meanwhile."""
        if self._dialog is not None and self._dialog.isVisible():
            self._dialog.say(*sentences)
        else:
            self._messages.show_notice(Notice(sentences[0], details=sentences[1:]))

    def _echo(self, notice: Notice) -> None:
        """What is said above the canvas of what was asked for in the dialog is also seen there."""
        if self._dialog is not None and self._dialog.isActiveWindow():
            self._dialog.say(notice.text)

    def _ask_to_remove(self, model: str) -> None:
        card = next((card for card in self._session.models.known() if card.id == model), None)
        if card is None or self._session.workspace is None:
            return
        question = self.tr(
            "Remove '{0}' and its proposals for good? Labels and masks stay as they are, and so do models that began "
            "with it."
        ).format(card.title)
        interrupted = trainings_that_need(model, self._session.workspace.place)
        if interrupted:
            names = ", ".join(f"'{training.title}'" for training in interrupted)
            question += "\n\n" + self.tr(
                "Interrupted trainings can't go on without it and would be given up: {0}."
            ).format(names)
        answer = QMessageBox.question(self._dialog or self._window, self.tr("Remove a model"), question)
        if answer == QMessageBox.StandardButton.Yes:
            self._session.models.remove(model, self._tell_removed, gives_up=bool(interrupted))

    def _tell_removed(self, removed: RemovedModel) -> None:
        text = self.tr("'{0}' was removed.").format(removed.title)
        if removed.began_with_it:
            titles = {card.id: card.title for card in self._session.models.known()}
            children = ", ".join(titles.get(model, model) for model in removed.began_with_it)
            text += " " + self.tr("{0} began with it; its weights stay there.").format(children)
        self._tell(text)
