"""All models in a dialog: used, noted, compared and removed by mouse and keys, at a real window."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QMessageBox, QPushButton, QTableWidget

from unet_studio.core.classes import make_classes
from unet_studio.core.models.cards import ModelCard, read_card
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.models.notes import read_note
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.judgement import TooClose
from unet_studio.gui.panels.models_dialog import ModelsDialog

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

WAIT = 20_000
WORKER = [sys.executable, "-P", str(Path(__file__).parents[1] / "jobs" / "labelling_worker.py")]
NAME, NOTE = 0, 5


def write_model(place: Path, name: str, *, created: str, parent: str = "", **facts: object) -> ModelCard:
    folder = place / "models" / name
    folder.mkdir(parents=True)
    card = ModelCard(
        name, name.title(), make_classes("nucleus"), Normalisation(1), {}, folder, created=created, parent=parent
    )  # fmt: skip
    card = replace(card, **facts)  # type: ignore[arg-type]
    card.write()
    return card


class Shelf:
    """A window on the three slides with two models of its own, the newer of which is in use, and their dialog."""

    def __init__(self, hand: "Hand") -> None:
        self.hand = hand
        self.window = hand.window
        self.qtbot = hand.qtbot
        assert hand.window.session.workspace is not None
        self.workspace = hand.window.session.workspace
        place = self.workspace.place
        data = "2 slides, 100 labelled pixels, labels ab"
        write_model(place, "older", created="2026-11-20T10:00:00+00:00", scores={"dice": 0.8125}, data=data)
        write_model(place, "newer", created="2026-11-21T10:00:00+00:00", parent="older")
        self.window.session.models.use("newer")
        self.window.tasks.comparing.worker.command = WORKER

    def open(self) -> None:
        self.hand.key(Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
        self.qtbot.waitUntil(lambda: self.dialog.isVisible())

    @property
    def dialog(self) -> ModelsDialog:
        (dialog,) = self.window.findChildren(ModelsDialog)
        return dialog

    @property
    def table(self) -> QTableWidget:
        return self.dialog.findChildren(QTableWidget)[0]

    def row(self, title: str) -> list[str]:
        return next(texts for texts in self.rows() if texts[NAME].startswith(title))

    def rows(self) -> list[list[str]]:
        found = []
        for row in range(self.table.rowCount()):
            items = [self.table.item(row, column) for column in range(self.table.columnCount())]
            found.append([item.text() for item in items if item is not None])
        return found

    def place_of(self, title: str, column: int = NAME) -> QPoint:
        row = next(row for row, texts in enumerate(self.rows()) if texts[NAME].startswith(title))
        return self.table.visualRect(self.table.model().index(row, column)).center()

    def click(self, title: str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.mouseClick(self.table.viewport(), Qt.MouseButton.LeftButton, modifier, self.place_of(title))

    def button(self, text: str) -> QPushButton:
        return next(b for b in self.dialog.findChildren(QPushButton) if b.text().replace("&", "").startswith(text))

    def press(self, text: str) -> None:
        assert self.button(text).isEnabled()
        QTest.mouseClick(self.button(text), Qt.MouseButton.LeftButton)

    def said(self) -> str:
        return "\n".join(label.text() for label in self.dialog.findChildren(QLabel) if label.isVisible())

    def told(self) -> str:
        return " ".join(label.text() for label in self.window.messages.findChildren(QLabel))

    def answer(self, button: QMessageBox.StandardButton) -> list[str]:
        """Answer the next question so; what it asks is in the list afterwards."""
        asked: list[str] = []

        def click() -> None:
            box = QApplication.activeModalWidget()
            if not isinstance(box, QMessageBox):
                QTimer.singleShot(20, click)
                return
            asked.append(box.text())
            box.button(button).click()

        QTimer.singleShot(20, click)
        return asked


@pytest.fixture
def shelf(hand: "Hand") -> Iterator[Shelf]:
    shelf = Shelf(hand)
    shelf.open()
    yield shelf
    shelf.window.tasks.comparing.stop()


def test_it_lists_all_there_is_to_know_of_models_and_starters(shelf: Shelf) -> None:
    older, newer = (read_card(shelf.workspace.place / "models" / name) for name in ("older", "newer"))
    assert shelf.row("Older") == ["Older", older.date, "", "2 slides, 100 pixels", "0.8125", ""]
    assert shelf.row("Newer") == ["Newer (in use)", newer.date, "Older", "", "–", ""]
    assert shelf.row("Axon")[NAME] == "Axon and myelin, scanning EM"
    assert shelf.table.accessibleName() == "Models"
    assert all(button.toolTip() for button in map(shelf.button, ("Use", "Compare", "Remove")))


def test_another_model_is_used_and_the_window_shows_it(shelf: Shelf) -> None:
    assert not shelf.button("Use").isEnabled(), "the one in use is selected"
    shelf.click("Older")
    shelf.press("Use")
    assert shelf.workspace.active_model == "older"
    assert shelf.row("Older")[NAME] == "Older (in use)"
    assert not shelf.button("Use").isEnabled()
    facts = [label.text() for label in shelf.window.propose_panel.findChildren(QLabel)]
    assert any("Dice 0.81" in text for text in facts)
    shelf.hand.saved()
    with Project.open(shelf.workspace.folder) as project:
        assert project.active_model == "older"


def test_one_that_finds_other_things_than_are_labelled_is_refused_where_it_was_asked_for(shelf: Shelf) -> None:
    shelf.dialog.close()
    shelf.hand.click(20, 20)
    shelf.open()
    shelf.qtbot.waitUntil(shelf.dialog.isActiveWindow)
    shelf.click("Axon")
    shelf.press("Use")
    assert "knows myelin, axon, but this project has nucleus" in shelf.said()
    assert shelf.workspace.active_model == "newer"


def test_a_note_is_written_by_the_keyboard_alone(shelf: Shelf) -> None:
    shelf.click("Older")
    QTest.keyClick(shelf.table, Qt.Key.Key_F2)
    editor = QApplication.focusWidget()
    assert editor is not None and editor is not shelf.table
    QTest.keyClicks(editor, "good on blurred slides")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    older = read_card(shelf.workspace.place / "models" / "older")
    shelf.qtbot.waitUntil(lambda: read_note(older) == "good on blurred slides")
    assert shelf.dialog.isVisible(), "Return ended the note, not the dialog"
    shelf.qtbot.waitUntil(lambda: shelf.row("Older")[NOTE] == "good on blurred slides")


def test_nothing_can_be_noted_of_a_starter(shelf: Shelf) -> None:
    QTest.mouseDClick(shelf.table.viewport(), Qt.MouseButton.LeftButton, pos=shelf.place_of("Axon", NOTE))
    assert shelf.table.state() != QTableWidget.State.EditingState


@pytest.mark.parametrize("answer", [QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No])
def test_a_model_is_removed_once_a_person_said_yes(shelf: Shelf, answer: QMessageBox.StandardButton) -> None:
    folder = shelf.workspace.place / "models" / "older"
    shelf.click("Older")
    asked = shelf.answer(answer)
    shelf.press("Remove")
    assert "Remove 'Older' and its proposals for good?" in asked[0]
    if answer == QMessageBox.StandardButton.No:
        QTest.qWait(50)
        assert folder.is_dir()
        return
    shelf.qtbot.waitUntil(lambda: not folder.exists())
    shelf.qtbot.waitUntil(lambda: all(row[NAME] != "Older" for row in shelf.rows()))
    assert "'Older' was removed. Newer began with it; its weights stay there." in shelf.said()
    assert shelf.row("Newer")[2] == "older", "where it comes from is still known"


@pytest.mark.parametrize("answer", [QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No])
def test_it_says_which_interrupted_training_would_be_given_up(shelf: Shelf, answer: QMessageBox.StandardButton) -> None:
    place = shelf.workspace.place
    card = read_card(place / "models" / "older")
    run = place / "runs" / "retrained-003"
    run.mkdir(parents=True)
    replace(card, title="Retrained 3", parent="older", recipe={"loss": {"teacher": 0.25}}, folder=run).write()
    (run / "checkpoint.npz").touch()
    shelf.click("Older")
    asked = shelf.answer(answer)
    shelf.press("Remove")
    assert "Interrupted trainings can't go on without it and would be given up: 'Retrained 3'." in asked[0]
    if answer == QMessageBox.StandardButton.No:
        QTest.qWait(50)
        assert (run / "checkpoint.npz").is_file()
        assert card.folder.is_dir()
        return
    shelf.qtbot.waitUntil(lambda: all(row[NAME] != "Older" for row in shelf.rows()))
    assert not (run / "checkpoint.npz").exists()


def test_what_is_in_use_or_belongs_to_the_program_cant_be_removed(shelf: Shelf) -> None:
    assert not shelf.button("Remove").isEnabled()
    shelf.click("Axon")
    assert shelf.button("Use").isEnabled()
    assert not shelf.button("Remove").isEnabled()


def test_two_models_are_compared_the_older_one_first(shelf: Shelf) -> None:
    shelf.click("Newer")
    assert not shelf.button("Compare").isEnabled()
    shelf.click("Older", Qt.KeyboardModifier.ControlModifier)
    with shelf.qtbot.waitSignal(shelf.window.tasks.comparing.began):
        shelf.press("Compare")
    assert not shelf.button("Compare").isEnabled()
    shelf.click("Older")
    assert not shelf.button("Remove").isEnabled(), "the worker may still have to read it"
    shelf.qtbot.waitUntil(lambda: "Comparing models" in shelf.said(), timeout=WAIT)
    (shelf.workspace.place / "compared").touch()
    better = "'Newer' is better than 'Older': Dice 1.0000 on the hold-out"
    shelf.qtbot.waitUntil(lambda: better in shelf.said(), timeout=WAIT)
    shelf.qtbot.waitUntil(lambda: "Comparing models" not in shelf.said())
    assert shelf.button("Remove").isEnabled()


def test_one_that_is_selected_alone_is_compared_with_that_in_use(shelf: Shelf) -> None:
    shelf.click("Older")
    (shelf.workspace.place / "compared").touch()
    shelf.press("Compare")
    shelf.qtbot.waitUntil(lambda: "'Newer' is better than 'Older'" in shelf.said(), timeout=WAIT)


def test_a_comparison_can_be_stopped(shelf: Shelf) -> None:
    shelf.click("Older")
    shelf.press("Compare")
    shelf.qtbot.waitUntil(lambda: "Comparing models" in shelf.said(), timeout=WAIT)
    with shelf.qtbot.waitSignal(shelf.window.tasks.comparing.worker.progress, timeout=WAIT):
        pass
    cancel = next(b for b in shelf.dialog.findChildren(QAbstractButton) if b.accessibleName().startswith("Cancel"))
    QTest.mouseClick(cancel, Qt.MouseButton.LeftButton)
    shelf.qtbot.waitUntil(lambda: "The comparison was stopped; nothing has changed." in shelf.said(), timeout=WAIT)
    assert not shelf.window.tasks.is_busy


def test_a_comparison_that_ends_after_the_dialog_was_closed_is_told_above_the_canvas(shelf: Shelf) -> None:
    shelf.click("Older")
    shelf.press("Compare")
    shelf.qtbot.waitUntil(lambda: "Comparing models" in shelf.said(), timeout=WAIT)
    QTest.keyClick(shelf.dialog, Qt.Key.Key_Escape)
    assert not shelf.dialog.isVisible()
    (shelf.workspace.place / "compared").touch()
    shelf.qtbot.waitUntil(lambda: "'Newer' is better than 'Older'" in shelf.told(), timeout=WAIT)


def test_it_goes_with_its_folder(shelf: Shelf, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(shelf.workspace.folder, other, ignore=shutil.ignore_patterns("unet-studio"))
    shelf.hand.open(other)
    assert not shelf.dialog.isVisible()
    shelf.open()
    assert not any(row[NAME].startswith("Newer") for row in shelf.rows())


def test_the_rule_for_what_is_too_close_is_chosen_and_kept(hand: "Hand") -> None:
    window = hand.window
    assert window.session.workspace is not None
    window.page.show_panel(window.retrain_panel)
    (box,) = [b for b in window.retrain_panel.findChildren(QComboBox) if "too close" in b.accessibleName()]
    assert box.currentText() == "the new one if it keeps corrections"
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_End)
    assert box.currentText() == "the old one"
    assert window.session.workspace.judging.too_close is TooClose.NEVER
    hand.saved()
    folder = window.session.workspace.folder
    with Project.open(folder) as project:
        assert project.too_close == "never"
    hand.open(folder)
    assert box.currentText() == "the old one"
