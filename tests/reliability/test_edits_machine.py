"""Whatever people do, in whatever order, on however bad a disk: labels are what was done, at once and after a restart.

The session, without a window, is compared with a model that is as plain as can be: an array of labels for each plane
and a list of what can be undone.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from numpy.typing import NDArray
from PySide6.QtWidgets import QApplication

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.editing.strokes import Stroke, capsule
from unet_studio.core.exchange.importing import import_pairs
from unet_studio.core.exchange.pairs import paired
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.kept import find_kept
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.unsaved import UnsavedState
from unet_studio.gui.background import Background
from unet_studio.gui.session.accepting import Accepting
from unet_studio.gui.session.background_edits import BackgroundEdits
from unet_studio.gui.session.leaving import Leave
from unet_studio.gui.session.mask_files import MaskFiles
from unet_studio.gui.session.session import Session

SHAPE = (300, 280)  # more than one tile each way
WHOLE = Box.of_shape(SHAPE)
PLANES = tuple(PlaneId(name) for name in ("a.png", "b.png", "c.png"))
Labels = NDArray[np.uint8]
pixels = st.tuples(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1))
planes = st.sampled_from(PLANES)


@dataclass
class Known:
    """The expected labels and state of a plane, and the mask of the proposal that it was corrected on."""

    labels: Labels
    state: PlaneState | None = None  # of a person
    under: Labels | None = None  # the same array wherever it is the same proposal

    def copy(self) -> "Known":
        return Known(self.labels.copy(), self.state, self.under)


@dataclass
class Model:
    """The expected state of a folder: plain arrays in memory."""

    planes: dict[PlaneId, Known] = field(
        default_factory=lambda: {plane: Known(np.full(SHAPE, UNLABELLED, np.uint8)) for plane in PLANES}
    )
    proposed: dict[PlaneId, Labels] = field(default_factory=dict)
    done: list[dict[PlaneId, tuple[Known, Known]]] = field(default_factory=list)
    undone: list[dict[PlaneId, tuple[Known, Known]]] = field(default_factory=list)

    def change(self, after: dict[PlaneId, Known], *, keeps: bool = True) -> None:
        """An edit, if it changes anything; with `keeps` the first one of a plane keeps the proposal under it."""
        for plane, known in after.items():
            under = self.planes[plane].under
            known.under = self.proposed.get(plane) if under is None and keeps else under
        step = {
            plane: (self.planes[plane].copy(), known)
            for plane, known in after.items()
            if known.state != self.planes[plane].state or not np.array_equal(known.labels, self.planes[plane].labels)
        }
        if step:
            self.done.append(step)
            self.undone.clear()
            self.planes.update({plane: known.copy() for plane, (_, known) in step.items()})

    def step(self, *, back: bool) -> None:
        source, target = (self.done, self.undone) if back else (self.undone, self.done)
        if source:
            step = source.pop()
            target.append(step)
            for plane, (before, after) in step.items():
                under = self.planes[plane].under
                known = self.planes[plane] = (before if back else after).copy()
                if known.state is None:
                    known.under = None
                elif before.under is after.under:
                    known.under = under
            self.settle(step)

    def settle(self, planes: Iterable[PlaneId], *, also_reviewed: bool = False) -> None:
        """What was corrected with nothing under it keeps what came to lie there."""
        for plane in planes:
            known = self.planes[plane]
            settles = known.state is PlaneState.CORRECTED or (also_reviewed and known.state is PlaneState.REVIEWED)
            if settles and known.under is None and (known.labels == UNLABELLED).any():
                known.under = self.proposed.get(plane)

    def mask(self, plane: PlaneId) -> Labels:
        labels, under = self.planes[plane].labels, self.planes[plane].under
        proposed = self.proposed.get(plane, np.zeros_like(labels)) if under is None else under
        return np.where(labels == UNLABELLED, proposed, labels)

    def touched(self, plane: PlaneId) -> PlaneState:
        return PlaneState.REVIEWED if self.planes[plane].state is PlaneState.REVIEWED else PlaneState.CORRECTED


class Edits(RuleBasedStateMachine):
    """One person at one folder. Of what is worked out in the background one thing at a time is under way."""

    disk: Any  # its `full` says that nothing can be written
    is_full = False  # whether each folder that is opened lies on a full disk

    @initialize()
    def open_folder(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.folder = self.root / "slides"
        self.folder.mkdir()
        for plane in PLANES:
            cv2.imwrite(str(self.folder / plane.slide), np.zeros(SHAPE, np.uint8))
        self.model = Model()
        self.under_way: Callable[[], None] | None = None  # what it will mean for the model
        self.notices: list[str] = []
        self._open()

    def _open(self) -> None:
        self.disk.full = self.is_full
        self.reading, self.working = Background(2), Background(2, newest_first=False)
        self.session = Session(self.reading)
        self.session.notice.connect(lambda notice: self.notices.append(notice.text))
        self.session.ask_to_leave = self._make_room
        edits = BackgroundEdits(self.session, self.working)
        self.accepting = Accepting(self.session, edits, MaskFiles(self.session, edits))
        assert self.session.open_folder(self.folder)
        self._wait()

    def _make_room(self, state: UnsavedState) -> Leave:
        assert state.count > 0
        self.disk.full = False
        return Leave.WAIT

    @property
    def plane(self) -> PlaneId:
        assert self.session.plane is not None
        return self.session.plane.id

    def _wait(self) -> None:
        """Let the window's events go on until a plane is open and nothing is being worked out but for mask files."""
        deadline = time.monotonic() + 20
        while self.session.plane is None or self._tasks() or self.session._reading.wanted != self.session.plane.id:
            QApplication.processEvents()
            assert time.monotonic() < deadline, self.session.workspace and self.session.workspace.unsaved.state()
            time.sleep(0.001)
        self._take()

    def _tasks(self) -> list[str]:
        assert self.session.workspace is not None
        return list(self.session.workspace.unsaved.state().tasks)

    def _take(self) -> None:
        if self.under_way is not None:
            self.under_way()
            self.under_way = None

    def _begin(self, begin: Callable[[], object], meaning: Callable[[], None]) -> None:
        self._wait()
        begin()
        self.under_way = meaning

    # What people do

    @rule(at=pixels, to=pixels, value=st.sampled_from([0, 1, UNLABELLED]), radius=st.sampled_from([0.5, 6.0, 40.0]))
    def paint(self, at: tuple[int, int], to: tuple[int, int], value: int, radius: float) -> None:
        plane = self.session.plane
        assert plane is not None and self.session.workspace is not None
        stroke = Stroke(plane.labels, plane.id, value=value, radius=radius)
        for y, x in (at, to):
            stroke.extend((y + 0.5, x + 0.5))
        edit = stroke.finish("stroke", state=self.session.workspace.state(plane.id))
        if edit is not None:
            self.session.perform(edit, plane.shape, made=plane.labels)
        labels = self.model.planes[plane.id].labels.copy()
        labels[near(at, to, radius)] = value
        if not np.array_equal(labels, self.model.planes[plane.id].labels):
            self.model.change({plane.id: Known(labels, self.model.touched(plane.id))})

    @rule()
    def accept_plane(self) -> None:
        self._wait()
        plane = self.plane
        if plane not in self.model.proposed:
            return

        def meaning() -> None:
            mask = self.model.mask(plane)
            if not np.array_equal(mask, self.model.planes[plane].labels):
                self.model.change({plane: Known(mask, self.model.touched(plane))})

        self._begin(self.accepting.accept_plane, meaning)

    @rule()
    def review(self) -> None:
        self._wait()
        plane = self.plane
        self._begin(
            self.accepting.review,
            lambda: self.model.change({plane: Known(self.model.mask(plane), PlaneState.REVIEWED)}),
        )

    @rule()
    def accept_all(self) -> None:
        self._wait()
        chosen = [plane for plane in self.model.proposed if self.model.planes[plane].state is None]

        def meaning() -> None:
            left = [plane for plane in chosen if self.model.planes[plane].state is None]
            self.model.change({plane: Known(self.model.mask(plane), PlaneState.CORRECTED) for plane in left})

        self._begin(self.accepting.accept_all, meaning)

    @rule()
    def undo(self) -> None:
        self.session.undo()
        self.model.step(back=True)

    @rule()
    def redo(self) -> None:
        self.session.redo()
        self.model.step(back=False)

    @rule(plane=planes, at=pixels)
    def propose(self, plane: PlaneId, at: tuple[int, int]) -> None:
        self._wait()
        workspace = self.session.workspace
        assert workspace is not None
        if not workspace.journal.flush(0.2):
            return  # what replaces a proposal before it could be kept is kept for it
        proposed = near(at, at, 60.0).astype(np.uint8)
        file = proposal_file(workspace.place, workspace.active_model, plane)
        stamp = slide_stamp(workspace.folder / plane.slide)
        write_proposal(file, SHAPE, 1, [(0, 255 * proposed[..., None])], stamp=stamp)
        self.session.take_proposal(plane, workspace.active_model)
        self.model.proposed[plane] = proposed
        self.model.settle([plane])

    @rule(plane=planes)
    def switch_plane(self, plane: PlaneId) -> None:
        self._wait()
        self.session.open_plane(plane)
        self._wait()

    @rule()
    def wait(self) -> None:
        self._wait()

    @rule()
    def close_and_reopen(self) -> None:
        """At once, whatever is under way."""
        self._close()
        self.model.settle(PLANES, also_reviewed=True)
        self._open()

    @rule(plane=planes, at=pixels)
    def import_a_mask(self, plane: PlaneId, at: tuple[int, int]) -> None:
        self._close()
        masks = self.root / "masks"
        masks.mkdir(exist_ok=True)
        for old in masks.iterdir():
            old.unlink()
        mask = near(at, at, 50.0).astype(np.uint8)
        cv2.imwrite(str(masks / plane.slide), mask)
        with Project.open(self.folder) as project:
            assert not [
                outcome.problem
                for outcome in import_pairs(project, paired(project.folder, masks).pairs)
                if outcome.problem
            ]
        labels = self.model.planes[plane].labels
        self.model.change(
            {plane: Known(np.where(labels == UNLABELLED, mask, labels), PlaneState.REVIEWED)}, keeps=False
        )
        self.model.settle(PLANES, also_reviewed=True)
        self._open()

    # What must hold

    @invariant()
    def labels_are_never_stale(self) -> None:
        workspace = self.session.workspace
        assert workspace is not None
        for plane, known in self.model.planes.items():
            np.testing.assert_array_equal(workspace.planes.read(plane, SHAPE).read(WHOLE), known.labels)
            held = workspace.planes.in_memory(plane)
            if held is not None:
                np.testing.assert_array_equal(held.read(WHOLE), known.labels)
        states = {plane: known.state for plane, known in self.model.planes.items() if known.state is not None}
        assert workspace.states == states
        assert (workspace.next_undo is None) == (not self.model.done)
        assert (workspace.next_redo is None) == (not self.model.undone)

    def _close(self) -> None:
        assert self.session.close_folder()
        self._take()
        self.reading.close()
        self.working.close()
        with Project.open(self.folder) as project:
            for plane, known in self.model.planes.items():
                np.testing.assert_array_equal(project.labels(plane, SHAPE).read(WHOLE), known.labels)
            assert project.states() == {p: known.state for p, known in self.model.planes.items() if known.state}
            for plane in project.states():
                kept = find_kept(project, plane)
                expected = self.model.planes[plane].under
                assert (kept is None) == (expected is None)
                if kept is not None and expected is not None:
                    np.testing.assert_array_equal(kept.read(WHOLE)[..., 0], 255 * expected)
            undone = [entry.undone for entry in project.history()]
            assert undone == [False] * len(self.model.done) + [True] * len(self.model.undone)

    def teardown(self) -> None:
        if not hasattr(self, "session"):
            return
        try:
            self._close()
            assert not [text for text in self.notices if "unexpected" in text]
        finally:
            shutil.rmtree(self.root, ignore_errors=True)


def near(at: tuple[int, int], to: tuple[int, int], radius: float) -> NDArray[np.bool_]:
    """The pixels that a stroke from pixel to pixel covers; which these are is tested elsewhere."""
    found = np.zeros(SHAPE, bool)
    for start, end in ((at, at), (at, to)):
        box, covered = capsule((start[0] + 0.5, start[1] + 0.5), (end[0] + 0.5, end[1] + 0.5), radius, SHAPE)
        found[box.slices] |= covered
    return found


@pytest.fixture
def _impatient_and_forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask soon what to do about what can't be saved, and have older edits come back from the disk."""
    monkeypatch.setattr("unet_studio.gui.session.session._PATIENCE", 0.3)
    monkeypatch.setattr("unet_studio.core.workspace.history._KEPT_BYTES", 15_000)


@pytest.mark.slow
@pytest.mark.usefixtures("qapp", "_impatient_and_forgetful")
@pytest.mark.parametrize("kind", ["fast", "slow", "failing", "full"])
def test_labels_are_what_was_done(kind: str, put_in_disk: Callable[[str], Any]) -> None:
    machine = type("EditsOnDisk", (Edits,), {"disk": put_in_disk(kind), "is_full": kind == "full"})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=15,
            deadline=None,
            phases=[Phase.generate],  # making an example of a slow disk smaller takes very long
            suppress_health_check=list(HealthCheck),
        ),
    )
