"""Closing the window: what a person is asked before, and the order in which all that runs comes to its end."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from unet_studio.gui.background import Background
from unet_studio.gui.jobs.jobs import Jobs
from unet_studio.gui.session.session import Session


def may_close(window: QWidget, tasks: Jobs) -> bool:
    """Whether nothing would be lost, or a person says that it may be."""
    if not tasks.retraining.is_busy:
        return True
    answer = QMessageBox.question(
        window,
        QCoreApplication.translate("Closing", "A retraining is running"),
        QCoreApplication.translate(
            "Closing", "Quit now and lose this training? All your strokes are saved either way."
        ),
    )
    return answer == QMessageBox.StandardButton.Yes


def close_down(tasks: Jobs, session: Session, threads: Sequence[Background]) -> None:
    """End what runs, let the folder go, of which all is saved that shall be, and wait for the threads."""
    tasks.stop()
    session.close_folder(discard=True)
    for background in threads:
        background.close()
