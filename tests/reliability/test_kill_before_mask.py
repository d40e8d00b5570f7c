"""A kill between a review and its mask file costs nothing: the file is written when the folder is opened next."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from unet_studio.core.exchange.kept_masks import find_outdated
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.gui.window.main_window import MainWindow

PLANE = PlaneId("a.png")
_REVIEWS = """
import os, signal, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from unet_studio.core.editing.strokes import Stroke
from unet_studio.core.labels.plane import PlaneState
from unet_studio.gui.session import mask_files
from unet_studio.gui.window.main_window import MainWindow

def killed(project, planes):  # what would be written now is never written
    assert project.states(), "the review is stored before its mask"
    os.kill(os.getpid(), signal.SIGKILL)

mask_files.keep_masks = killed
app = QApplication(sys.argv[:1])
window = MainWindow()

def review(plane):
    stroke = Stroke(plane.labels, plane.id, value=1, radius=10)
    stroke.extend((30.5, 30.5))
    window.session.perform(stroke.finish("stroke", state=PlaneState.NEW), plane.shape, made=plane.labels)
    window.accepting.review()

window.session.plane_opened.connect(review)
window.session.open_folder(Path(sys.argv[1]))
app.exec()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("had_one", [False, True])
def test_the_mask_of_a_review_is_written_after_a_kill(qtbot: QtBot, tmp_path: Path, had_one: bool) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    cv2.imwrite(str(folder / PLANE.slide), np.full((64, 64), 90, np.uint8))
    mask = folder / PLACE_NAME / "masks" / "a.png"
    if had_one:  # of an earlier review
        Project.open(folder).close()
        mask.parent.mkdir()
        cv2.imwrite(str(mask), np.zeros((64, 64), np.uint8))
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-P", "-c", _REVIEWS, str(folder)], env=environment, timeout=100)
    assert ended.returncode == -signal.SIGKILL
    with Project.open(folder) as project:
        assert project.states() == {PLANE: PlaneState.REVIEWED}
        assert find_outdated(project) == (PLANE,)
    assert mask.exists() == had_one

    window = MainWindow()
    qtbot.addWidget(window)
    assert window.session.open_folder(folder)
    with Project.open(folder) as project:
        qtbot.waitUntil(lambda: find_outdated(project) == (), timeout=20_000)
    written = cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)
    assert written[30, 30] == 1 and np.count_nonzero(written) < 1000
    assert window.session.close_folder()
