"""What a person asks of the machine: its panel comes to the front, or a dialog asks for more; then what came of it."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from unet_studio.core.models.interrupted import interrupted_training, remove_checkpoint
from unet_studio.core.scoring.judgement import Judgement, Verdict
from unet_studio.core.scoring.verdict_sentences import brief
from unet_studio.gui.controls.notice import Notice, NoticeKind
from unet_studio.gui.jobs.jobs import Jobs
from unet_studio.gui.panels.clean_up_panel import CleanUpPanel
from unet_studio.gui.panels.message_bar import MessageBar
from unet_studio.gui.panels.retrain_panel import RetrainPanel
from unet_studio.gui.session.session import Session
from unet_studio.gui.window.work_page import WorkPage

_UNUSABLE = (Verdict.OTHER_CLASSES, Verdict.NOT_USABLE)
"""A model of which this is said can't be used, whatever a person wants."""


class JobControls(QObject):
    """Starts tuning, retraining and exporting, and tells what a retraining came to."""

    def __init__(
        self,
        session: Session,
        tasks: Jobs,
        page: WorkPage,
        clean_up: CleanUpPanel,
        retrain: RetrainPanel,
        messages: MessageBar,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session = session
        self._tasks = tasks
        self._page = page
        self._clean_up = clean_up
        self._retrain = retrain
        self._messages = messages
        self._window = window

    def show_clean_up(self) -> None:
        """Bring the panel of the clean-up to the front."""
        self._page.show_panel(self._clean_up)

    def tune(self) -> None:
        """Tune the first watershed of the clean-up, or one that is to come."""
        self.show_clean_up()
        self._clean_up.ask_tuning()

    def advise(self) -> None:
        """Look for a better clean-up; what is found is shown in its panel."""
        self.show_clean_up()
        self._tasks.advise()

    def retrain(self) -> None:
        """Retrain, with the panel that shows how it goes in front."""
        self._page.show_panel(self._retrain)
        self._tasks.retrain()

    def ask_export(self) -> None:
        """Ask what to export and where to, and export it."""
        if self._session.workspace is None:
            return
        from unet_studio.gui.panels.export_dialog import ExportDialog

        dialog = ExportDialog(self._session.workspace.place / "export", self._window)
        if dialog.exec() == ExportDialog.DialogCode.Accepted:
            self._tasks.export(dialog.request())

    def train_longer(self) -> None:
        """Go on from the model that was trained last, with the panel that shows how it goes in front."""
        self._page.show_panel(self._retrain)
        self._tasks.train_longer()

    def offer_resuming(self, failure: str = "") -> None:
        """Say that a training failed, if it did; offer to go on with one that was interrupted, if there is one."""
        workspace = self._session.workspace
        card = interrupted_training(workspace.place) if workspace is not None and not workspace.read_only else None
        if card is not None:
            kept = self.tr("The training of '{0}' was interrupted; what it learned until then is kept.")
            text = f"{failure} {kept.format(card.title)}".lstrip()
            go_on, give_up = self.tr("Go on with it"), self.tr("Give it up")
            notice = Notice(text, NoticeKind.ERROR if failure else NoticeKind.WARNING, go_on, self.resume)
            end = partial(remove_checkpoint, card.folder)
            self._messages.show_notice(replace(notice, other_text=give_up, other=end))
        elif failure:
            self._messages.show_notice(Notice(failure, NoticeKind.ERROR))

    def resume(self) -> None:
        """Go on with the training that was interrupted last, with the panel that shows how it goes in front."""
        self._page.show_panel(self._retrain)
        self._tasks.resume()

    def ask_report(self) -> None:
        """Ask where the report goes, and write it."""
        if self._session.workspace is None:
            return
        from PySide6.QtWidgets import QFileDialog

        suggested = str(self._session.workspace.place / "report.html")
        kinds = self.tr("Report (*.html *.pdf)")
        name, _ = QFileDialog.getSaveFileName(self._window, self.tr("Write the report"), suggested, kinds)
        if name:
            path = Path(name)
            is_known = path.suffix.lower() in (".html", ".htm", ".pdf")
            self._tasks.report(path if is_known else path.with_name(f"{path.name}.html"))

    def tell_retrained(self, judgement: Judgement) -> None:
        """Say whether the new model is in use, and offer what may be done now."""
        self._retrain.finish(judgement)
        sentence, model, rival = brief(judgement), judgement.model, judgement.rival
        again, back, longer = self.tr("Propose all again"), self.tr("Go back"), self.tr("Train longer")
        use = self._tasks.use_after_all
        if judgement.is_adopted:
            notice = Notice(sentence, NoticeKind.INFO, again, self._tasks.propose_all)
            if rival:
                notice = replace(notice, other_text=back, other=partial(self._session.models.use, rival))
        elif judgement.verdict in _UNUSABLE:
            notice = Notice(sentence, NoticeKind.WARNING)
        elif judgement.verdict is Verdict.LEARNED_NOTHING:
            notice = Notice(sentence, NoticeKind.WARNING, longer, self.train_longer)
        else:
            anyway = self.tr("Use it anyway")
            notice = Notice(
                sentence, NoticeKind.WARNING, anyway, partial(use, model), other_text=longer, other=self.train_longer
            )
        self._messages.show_notice(notice)
