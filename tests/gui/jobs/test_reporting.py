"""The report is asked for by a key, written in the background, and offered to be opened."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel

if TYPE_CHECKING:
    from tests.gui.conftest import Hand


@pytest.mark.parametrize(("name", "begins"), [("r.html", b"<!DOCTYPE html>"), ("r.pdf", b"%PDF"), ("r", b"<!DOCTYPE")])
def test_a_key_asks_where_to_and_writes_it(
    hand: "Hand", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, begins: bytes
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / name), ""))
    with hand.qtbot.waitSignal(hand.window.tasks.reporting.notice, timeout=20000):
        hand.key(Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    (written,) = tmp_path.glob("r*")
    assert written.suffix in (".html", ".pdf")
    assert written.read_bytes().startswith(begins)
    told = " ".join(label.text() for label in hand.window.messages.findChildren(QLabel))
    assert "May I stop? That can't be said yet." in told
