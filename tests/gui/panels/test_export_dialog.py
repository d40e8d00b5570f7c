"""What the export dialog asks for, by key and mouse."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from unet_studio.core.exchange.exporting import ExportRequest, Format, Values, Wanted
from unet_studio.gui.panels.export_dialog import ExportDialog


@pytest.fixture
def dialog(qtbot: QtBot, tmp_path: Path) -> ExportDialog:
    dialog = ExportDialog(tmp_path)
    qtbot.addWidget(dialog)
    return dialog


def choose(dialog: ExportDialog, name: str, steps: int) -> None:
    box = next(box for box in dialog.findChildren(QComboBox) if box.accessibleName() == name)
    for _ in range(steps):
        QTest.keyClick(box, Qt.Key.Key_Down)


def test_reviewed_slides_as_class_numbers_are_asked_for_at_first(dialog: ExportDialog, tmp_path: Path) -> None:
    assert dialog.request() == ExportRequest(tmp_path, Format.PNG, Values.INDEX, Wanted.REVIEWED)


@pytest.mark.parametrize(("steps", "values"), list(enumerate(Values)))
def test_each_kind_of_values_can_be_chosen_by_key(dialog: ExportDialog, steps: int, values: Values) -> None:
    choose(dialog, "Values", steps)
    assert dialog.request().values is values


def test_an_overlay_has_no_values(dialog: ExportDialog) -> None:
    choose(dialog, "Format", 2)
    assert dialog.request().format is Format.OVERLAY
    values = next(box for box in dialog.findChildren(QComboBox) if box.accessibleName() == "Values")
    assert not values.isEnabled()
