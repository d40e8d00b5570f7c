"""A power cut: the last writes are dropped or torn, wherever that happens; whole strokes are left, in their order."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.edits import Edit, PlaneChange, make_patches
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.tiles import Box

PLANE = PlaneId("slide.png")
SHAPE = (600, 500)
STROKES = 12
HEADER, FRAME_HEADER = 32, 24
"""Bytes, of the write-ahead log and of each page in it: https://www.sqlite.org/fileformat2.html#walformat."""


@dataclass(frozen=True)
class Painted:
    """A store and its write-ahead log as they lay on the disk, and the labels after each stroke, before any first."""

    store: Path
    log: bytes
    page: int
    after: list[NDArray[np.uint8]]

    def boundaries(self) -> range:
        """Lengths of a log that ends with a whole page."""
        return range(HEADER, len(self.log) + 1, FRAME_HEADER + self.page)

    def cut(self, folder: Path, log: bytes) -> int:
        """How many strokes are left where the log is this one; the labels are those, whole, and undo goes on."""
        place = folder / PLACE_NAME
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        shutil.copy(self.store, place / "project.sqlite")
        (place / "project.sqlite-wal").write_bytes(log)
        with Project.open(folder) as project:
            edits = project.history()
            assert [entry.edit.sentence for entry in edits] == [f"stroke {i}" for i in range(len(edits))]
            np.testing.assert_array_equal(labels_of(project), self.after[len(edits)])
            if edits:
                project.undo(edits[-1].id)
                np.testing.assert_array_equal(labels_of(project), self.after[len(edits) - 1])
                project.redo(edits[-1].id)
            project.record(project.next_edit_id(), stroke(99, labels_of(project))[0], SHAPE)
        with closing(sqlite3.connect(place / "project.sqlite")) as store:
            assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return len(edits)


def labels_of(project: Project) -> NDArray[np.uint8]:
    return project.labels(PLANE, SHAPE).read(Box.of_shape(SHAPE))


def stroke(number: int, labels: NDArray[np.uint8]) -> tuple[Edit, NDArray[np.uint8]]:
    """A stroke over several tiles of what is there, and the labels after it."""
    rng = np.random.default_rng(number)
    y, x = rng.integers(0, 300, 2).tolist()
    box = Box(y, x, y + 200, x + 150)
    after = rng.integers(0, 3, box.shape, dtype=np.uint8)
    before = labels[box.y0 : box.y1, box.x0 : box.x1]
    change = PlaneChange(PLANE, tuple(make_patches(box, before, after)), PlaneState.NEW, PlaneState.CORRECTED)
    painted = labels.copy()
    painted[box.y0 : box.y1, box.x0 : box.x1] = after
    return Edit(f"stroke {number}", (change,)), painted


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Painted]:
    folder, kept = tmp_path_factory.mktemp("painted"), tmp_path_factory.mktemp("kept")
    after = [np.full(SHAPE, UNLABELLED, np.uint8)]
    with Project.open(folder) as project:
        for number in range(STROKES):
            edit, labels = stroke(number, after[-1])
            project.record(number + 1, edit, SHAPE)
            after.append(labels)
        file = folder / PLACE_NAME / "project.sqlite"
        shutil.copy(file, kept / "project.sqlite")  # while it is open: closing would empty the log
        log = file.with_name("project.sqlite-wal").read_bytes()
    page = int.from_bytes(log[8:12], "big")
    yield Painted(kept / "project.sqlite", log, page, after)


def test_the_log_has_what_is_to_be_cut(painted: Painted) -> None:
    assert len(painted.boundaries()) > STROKES
    assert painted.boundaries()[-1] == len(painted.log)


def test_cut_at_every_page_whole_strokes_are_left_in_order(painted: Painted, tmp_path: Path) -> None:
    left = [painted.cut(tmp_path, painted.log[:length]) for length in painted.boundaries()]
    assert left == sorted(left)
    assert set(left) == set(range(STROKES + 1)), "each stroke is there from some page on, and none before another"


def test_cut_within_a_page_or_before_the_first_nothing_else_is_lost(painted: Painted, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for length in [0, 5, HEADER - 1, *rng.integers(HEADER, len(painted.log), 40).tolist()]:
        whole = max((b for b in painted.boundaries() if b <= length), default=0)
        assert painted.cut(tmp_path, painted.log[:length]) == painted.cut(tmp_path, painted.log[:whole])


def test_torn_pages_take_only_their_stroke_and_later_ones(painted: Painted, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for start in rng.choice(painted.boundaries()[:-1], 30, replace=False).tolist():
        torn = bytearray(painted.log)
        half = start + FRAME_HEADER + painted.page // 2
        torn[half : start + FRAME_HEADER + painted.page] = rng.bytes(painted.page - painted.page // 2)
        assert painted.cut(tmp_path, bytes(torn)) == painted.cut(tmp_path, painted.log[:start])
