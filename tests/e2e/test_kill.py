"""No stroke is lost: the painting app is killed at random moments, and every stroke that was released is found."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box

SIZE = 512
SAFE_AFTER = 0.2  # seconds from the release of a stroke
KILLS = int(os.environ.get("UNET_STUDIO_KILLS", "20"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("moment", range(KILLS))
def test_every_stroke_released_200_ms_before_a_kill_is_found(tmp_path: Path, moment: int) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    cv2.imwrite(str(folder / "slide.png"), np.full((SIZE, SIZE), 90, np.uint8))
    released, killed = paint_and_kill(folder, after=random.Random(moment).uniform(0.3, 1.5))
    safe = [number for number, moment_released in released if moment_released < killed - SAFE_AFTER]
    assert safe, "the app was killed before it painted anything"
    with Project.open(folder) as project:
        labels = project.labels(PlaneId("slide.png"), (SIZE, SIZE)).read(Box(0, 0, SIZE, SIZE))
        edits = project.history()
        project.undo(edits[-1].id)
        undone = project.labels(PlaneId("slide.png"), (SIZE, SIZE)).read(Box(0, 0, SIZE, SIZE))
    for patch in edits[-1].edit.change.patches:
        box = patch.box
        assert (undone[box.y0 : box.y1, box.x0 : box.x1] == patch.labels_before).all()
    with closing(sqlite3.connect(folder / PLACE_NAME / "project.sqlite")) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    missing = [number for number in safe if labels[centre(number)] != 1]
    assert not missing
    assert len(edits) >= len(safe)
    patches = [patch for entry in edits for patch in entry.edit.change.patches]
    assert all((patch.labels_after != patch.labels_before).any() for patch in patches), "half a stroke was written"
    assert all(entry.edit.change.patches for entry in edits), "half a stroke was written"


def paint_and_kill(folder: Path, *, after: float) -> tuple[list[tuple[int, float]], float]:
    """Paint for `after` seconds from the first stroke on; gives (number, time of release) and the time of the kill."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(folder.parent)}
    command = [sys.executable, "-P", str(Path(__file__).with_name("painter.py")), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as app:
        assert app.stdout is not None
        first = app.stdout.readline()
        time.sleep(after)
        killed = time.monotonic()
        app.send_signal(signal.SIGKILL)
        lines = [first, *app.stdout.readlines()]
    return [(int(n), float(t)) for _, n, t in (line.split() for line in lines if line.endswith("\n"))], killed


def centre(number: int) -> tuple[int, int]:
    row, column = divmod(number, 32)
    return row * 8 + 4, column * 16 + 8
