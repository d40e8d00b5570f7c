"""The dialog that asks what to do where a folder shall be closed and not everything is on the disk yet."""

from collections import Counter
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from unet_studio.core.workspace.unsaved import UnsavedState
from unet_studio.errors import StudioError
from unet_studio.gui import settings
from unet_studio.gui.session.leaving import Leave
from unet_studio.gui.session.session import Session

_LISTED = 8


def ask_to_leave(session: Session, parent: QWidget, state: UnsavedState) -> Leave:
    """Ask whether to wait, save elsewhere, discard or stay, naming what would be lost.

    The answer that loses nothing is the default. Once all is saved the dialog closes by itself.
    """
    box = QMessageBox(QMessageBox.Icon.Warning, _tr("Not everything is saved yet"), "", parent=parent)
    wait = box.addButton(_tr("Keep waiting"), QMessageBox.ButtonRole.AcceptRole)
    elsewhere = box.addButton(_tr("Save elsewhere…"), QMessageBox.ButtonRole.ActionRole)
    discard = box.addButton(_tr("Discard and close"), QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton(_tr("Don't close"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(wait)
    box.setEscapeButton(stay)

    def show(now: UnsavedState) -> None:
        box.setText(_tr("{0} of your changes are not on the disk yet.").format(now.count))
        box.setInformativeText(_in_words(now))
        # What is still being worked out would not be in the copy.
        elsewhere.setEnabled(bool(now.edits) and not now.tasks)
        if now.count == 0:
            box.accept()

    show(state)
    connection = session.saving_changed.connect(show)
    box.exec()
    session.saving_changed.disconnect(connection)
    chosen = box.clickedButton()
    if chosen is discard:
        return Leave.DISCARD
    if chosen is elsewhere:
        return _save_elsewhere(session, parent)
    return Leave.STAY if chosen is stay else Leave.WAIT


def _save_elsewhere(session: Session, parent: QWidget) -> Leave:
    """Ask for another place and save the whole project there; what goes wrong is told and asked about again."""
    workspace = session.workspace
    chosen = QFileDialog.getExistingDirectory(parent, _tr("Save the project, with these changes, in another folder"))
    if not chosen or workspace is None:
        return Leave.WAIT
    place = Path(chosen) / f"{workspace.folder.name}-unet-studio"
    try:
        workspace.save_elsewhere(place)
    except StudioError as error:
        QMessageBox.warning(parent, _tr("Not saved"), str(error))
        return Leave.WAIT
    settings.remember_place(workspace.folder, place)
    QMessageBox.information(
        parent,
        _tr("Saved elsewhere"),
        _tr("The project is now kept in '{0}', with all your changes. This folder opens it from there.").format(place),
    )
    return Leave.DISCARD


def _in_words(state: UnsavedState) -> str:
    """Why, and what would be lost."""
    things = Counter((*state.edits, *state.tasks, *state.files))
    lines = [f"• {thing}" if count == 1 else f"• {count} × {thing}" for thing, count in things.most_common(_LISTED)]
    if len(things) > _LISTED:
        lines.append(_tr("• and {0} more").format(len(things) - _LISTED))
    reason = state.problem or _tr("They are still being worked out or written.")
    return "\n".join((reason, "", _tr("Closing now would lose:"), *lines))


def _tr(text: str) -> str:
    return QCoreApplication.translate("UnsavedDialog", text)
