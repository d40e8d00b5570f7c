"""Hours at the window, in short: memory, open files and threads stay what they were after the first tenth."""

import gc
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

ROUNDS = int(os.environ.get("UNET_STUDIO_ROUNDS", "20"))
"""Of ten strokes, two of them taken back, a proposal and two changes of slide; 500 are 5,000 strokes."""
FIRST = max(2, ROUNDS // 10)
MOST_GROWTH = 1.05
FEW = 3
"""Files and threads that come and go with what is under way just then."""


def used() -> tuple[int, int, int]:
    """Bytes of memory, open files and threads of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


@pytest.mark.slow
@pytest.mark.timeout(120 + 10 * ROUNDS)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is asked for as on Linux")
def test_nothing_piles_up(hand: "Hand") -> None:
    rng = np.random.default_rng(0)
    after_first: tuple[int, int, int] | None = None
    for number in range(ROUNDS):
        for _ in range(10):
            (y0, x0), (y1, x1) = rng.integers(10, 118, (2, 2)).tolist()
            hand.drag((y0, x0), ((y0 + y1) / 2, x1), (y1, x1))
        for _ in range(2):
            hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        plane = hand.window.session.plane
        assert plane is not None
        hand.give_proposal(plane.id.slide, rng.integers(0, 256, plane.shape, dtype=np.uint8))
        for key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp) if number % 2 else (Qt.Key.Key_PageDown,) * 2:
            hand.key(key)
            hand.qtbot.wait(20)
        hand.saved()
        if number + 1 == FIRST:
            after_first = used()
    assert after_first is not None
    (memory, *first), (memory_now, *now) = after_first, used()
    assert memory_now <= MOST_GROWTH * memory, f"{memory >> 20} MB after a tenth, {memory_now >> 20} MB at the end"
    for what, before, after in zip(("open files", "threads"), first, now, strict=True):
        assert after <= before + FEW, f"{before} {what} after a tenth, {after} at the end"
