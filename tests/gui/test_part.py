"""What is in view is proposed first: it is shown and painted on at once, but becomes labels only when all is there."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.exchange.exporting import ExportRequest, Wanted
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.tiles import Box
from unet_studio.gui.window.main_window import MainWindow

SHAPE = (600, 800)
LARGE = PlaneId("large.png")
WHOLE = Box.of_shape(SHAPE)
PART = Box(256, 256, 512, 512)
WAIT = 20_000

WORKER = """
import json, os, sys, time, types
from pathlib import Path
import numpy as np
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_growing
from unet_studio.core.masks.proposals import part_file, proposal_file, slide_stamp
from unet_studio.core.tiles import Box
from dataclasses import astuple
from unet_studio.errors import Cancelled, StudioError
from unet_studio.protocol.values import PartProposed, PlaneProposed, Proposed

class Jobs:
    def propose(self, job, progress):
        place, plane = Path(job.place), PlaneId(job.view.slide, job.view.plane)
        (place / "view.json").write_text(json.dumps(astuple(job.view)))
        values = np.full((600, 800, 1), 200, np.uint8)
        told = (plane.slide, plane.plane, job.model)
        part = part_file(place, job.model, plane)

        def pieces():
            while not (place / "go").exists():
                progress.report(0.5, plane.slide)
                if progress.cancelled():
                    raise Cancelled("Stopped as asked.")
                if (place / "fail").exists():
                    raise StudioError("The network failed; try again.")
                if (place / "die").exists():
                    os._exit(3)
                time.sleep(0.01)
            yield Box(0, 0, 600, 800), values

        try:
            write_growing(
                proposal_file(place, job.model, plane), part, (600, 800),
                (Box(256, 256, 512, 512), values[256:512, 256:512]), pieces(),
                stamp=slide_stamp(Path(job.folder) / plane.slide), on_part=lambda: progress.event(PartProposed(*told)),
            )
        finally:
            part.unlink(missing_ok=True)
        progress.event(PlaneProposed(*told))
        return Proposed(job.model, 1)

sys.modules["unet_studio.worker.jobs"] = types.SimpleNamespace(Jobs=Jobs)
sys.modules["unet_studio.unet.device"] = types.SimpleNamespace(
    find_device=lambda: types.SimpleNamespace(kind="CPU", name="test", backend="none", reason="It is a test.")
)
from unet_studio.worker.__main__ import main
main()
"""
"""The worker's own main loop; its job proposes class 1 everywhere: a part first, the rest when a file says 'go'."""


class Desk:
    """A window on a large slide of which a part is in view, and a worker that waits to be told how to go on."""

    def __init__(self, window: MainWindow, qtbot: QtBot) -> None:
        self.window = window
        self.session = window.session
        self.qtbot = qtbot

    def tell_worker(self, what: str) -> None:
        assert self.session.workspace is not None
        (self.session.workspace.place / what).touch()

    def propose(self) -> None:
        """Ask for a proposal and wait for the part in view."""
        with self.qtbot.waitSignal(self.window.tasks.proposing.in_view, timeout=WAIT):
            self.window.actions_by_id["propose"].trigger()

    def finish(self, how: str) -> None:
        """Let the proposing end: 'go', 'fail', 'die' or 'cancel'."""
        if how == "cancel":
            self.window.actions_by_id["cancel"].trigger()
        else:
            self.tell_worker(how)
        self.qtbot.waitUntil(lambda: not self.window.tasks.proposing.is_busy, timeout=WAIT)

    def open(self, slide: str) -> None:
        with self.qtbot.waitSignal(self.session.plane_opened):
            self.session.open_plane(PlaneId(slide))

    def key(self, name: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        if not self.window.isActiveWindow():
            self.window.activateWindow()
            self.qtbot.waitActive(self.window)
        self.qtbot.keyClick(self.window.canvas, name, modifier)

    def drag(self, *points: tuple[int, int]) -> None:
        viewport, button = self.window.canvas.viewport(), Qt.MouseButton.LeftButton
        places = [self.window.canvas.mapFromScene(x, y) for y, x in points]
        self.qtbot.mousePress(viewport, button, pos=places[0])
        for place in places[1:]:
            self.qtbot.mouseMove(viewport, place)
        self.qtbot.mouseRelease(viewport, button, pos=places[-1])

    def is_partial(self) -> bool:
        plane = self.session.plane
        assert plane is not None
        return plane.view.proposal is not None and plane.view.proposal.partial

    def mask(self) -> NDArray[np.uint8]:
        assert self.session.plane is not None
        return self.session.plane.view.read(WHOLE)

    def labels(self) -> NDArray[np.uint8]:
        assert self.session.plane is not None
        return self.session.plane.labels.read(WHOLE)

    def colour(self, y: int, x: int) -> QColor:
        """What is seen at a pixel of the slide."""
        QApplication.processEvents()
        return self.window.canvas.viewport().grab().toImage().pixelColor(self.window.canvas.mapFromScene(x, y))

    def told(self) -> str:
        return " ".join(label.text() for label in self.window.messages.findChildren(QLabel))

    def status(self) -> str:
        return " ".join(label.text() for label in self.window.status_line.findChildren(QLabel))


@pytest.fixture
def desk(make_window: Callable[[], MainWindow], folder: Path, qtbot: QtBot) -> Desk:
    cv2.imwrite(str(folder / "large.png"), np.full(SHAPE, 60, np.uint8))
    window = make_window()
    worker = window.tasks.proposing.worker
    worker.stop()
    worker.command = [sys.executable, "-P", "-c", WORKER]
    with qtbot.waitSignal(window.session.plane_opened):
        window.open_folder(folder)
    desk = Desk(window, qtbot)
    desk.open("large.png")
    window.canvas.zoom_to(4.0)
    window.canvas.centerOn(400, 384)
    desk.colour(390, 400)  # the slide is asked for when it is painted first
    qtbot.waitUntil(lambda: window.canvas.slide_layer.value_at(390, 400) is not None)
    return desk


def part_of_ones() -> NDArray[np.uint8]:
    mask = np.zeros(SHAPE, np.uint8)
    mask[PART.slices] = 1
    return mask


def asked_for(desk: Desk) -> list[object]:
    """What the window said that is in view."""
    assert desk.session.workspace is not None
    view: list[object] = json.loads((desk.session.workspace.place / "view.json").read_text())
    return view


def test_what_is_on_the_canvas_is_asked_for_first(desk: Desk) -> None:
    canvas = desk.window.canvas
    corners = canvas.mapToScene(0, 0), canvas.mapToScene(canvas.viewport().width(), canvas.viewport().height())
    desk.propose()
    slide, plane, *box = asked_for(desk)
    assert (slide, plane) == ("large.png", 0)
    assert box == pytest.approx([at for corner in corners for at in (corner.y(), corner.x())], abs=1.01)
    assert Box(*box).intersect(WHOLE) == Box(*box)


def test_where_the_slide_does_not_fill_the_canvas_the_view_ends_with_the_slide(desk: Desk) -> None:
    desk.window.canvas.fit()
    desk.propose()
    assert asked_for(desk) == ["large.png", 0, 0, 0, *SHAPE]


def test_the_part_in_view_is_seen_at_once_and_all_of_it_later(desk: Desk) -> None:
    before = desk.colour(390, 400)
    desk.propose()
    assert desk.is_partial()
    np.testing.assert_array_equal(desk.mask(), part_of_ones())
    desk.qtbot.waitUntil(lambda: desk.colour(390, 400) != before)
    assert "in view is proposed, the rest follows" in desk.status()
    assert desk.session.workspace is not None
    assert desk.session.workspace.state(LARGE) is PlaneState.NEW
    desk.finish("go")
    assert not desk.is_partial()
    assert (desk.mask() == 1).all()
    assert desk.session.workspace.state(LARGE) is PlaneState.PROPOSED
    assert "the rest follows" not in desk.status()


def test_beyond_the_part_nothing_is_said_to_be_proposed(desk: Desk) -> None:
    desk.propose()
    describe = desk.window.inspection.describe_pixel
    assert "(proposed)" in describe(300, 300, lambda *_: None)
    assert describe(100, 300, lambda *_: None) == "y 100  x 300"


@pytest.mark.parametrize("how", ["fail", "die", "cancel"])
def test_where_the_rest_never_comes_the_part_goes(desk: Desk, how: str) -> None:
    before = desk.colour(390, 400)
    desk.propose()
    desk.qtbot.waitUntil(lambda: desk.colour(390, 400) != before)
    desk.finish(how)
    assert desk.session.plane is not None
    assert desk.session.plane.view.proposal is None
    assert not desk.mask().any()
    desk.qtbot.waitUntil(lambda: desk.colour(390, 400) == before)
    desk.open("s1.png")
    desk.open("large.png")
    assert desk.session.plane.view.proposal is None, "also where the worker left the part behind"


def accept_by_lasso(desk: Desk) -> None:
    desk.key(Qt.Key.Key_A)
    desk.drag((350, 350), (350, 420), (420, 420), (420, 350), (350, 350))


ACCEPTING: dict[str, Callable[[Desk], None]] = {
    "lasso": accept_by_lasso,
    "plane": lambda desk: desk.key(Qt.Key.Key_A, Qt.KeyboardModifier.ShiftModifier),
    "all": lambda desk: desk.window.actions_by_id["accept_all"].trigger(),
    "review": lambda desk: desk.key(Qt.Key.Key_Return),
}


@pytest.mark.parametrize("accept", ACCEPTING.values(), ids=ACCEPTING)
def test_a_part_never_becomes_labels_and_the_whole_does(desk: Desk, accept: Callable[[Desk], None]) -> None:
    desk.propose()
    accept(desk)
    assert "'large.png' is proposed only in part so far" in desk.told()
    desk.finish("go")  # what was refused is not done later either
    assert desk.session.plane is not None
    assert desk.session.plane.id == LARGE, "one stays on the slide that couldn't be reviewed"
    assert (desk.labels() == UNLABELLED).all()
    with desk.qtbot.waitSignal(desk.session.changed, check_params_cb=lambda changes: changes.history):
        accept(desk)
    assert desk.session.workspace is not None
    labels = desk.session.workspace.labels(LARGE, SHAPE).read(WHOLE)
    assert (labels[360:410, 360:410] == 1).all()


def test_a_part_is_not_exported(desk: Desk, tmp_path: Path) -> None:
    desk.propose()
    request = ExportRequest(tmp_path / "out", states=Wanted.ANY)
    with desk.qtbot.waitSignal(desk.window.tasks.exporting.ended):
        desk.window.tasks.export(request)
    assert "nothing to export" in desk.told()


@pytest.mark.parametrize("how", ["go", "fail"])
def test_what_is_painted_on_a_part_stays_as_it_is(desk: Desk, how: str) -> None:
    desk.propose()
    desk.drag((380, 380), (380, 430))
    desk.window.painting.set_active_class(0)
    desk.drag((400, 380), (400, 430))
    painted = desk.labels()
    assert set(np.unique(painted)) == {0, 1, UNLABELLED}
    desk.finish(how)
    np.testing.assert_array_equal(desk.labels(), painted)
    rest = 1 if how == "go" else 0
    np.testing.assert_array_equal(desk.mask(), np.where(painted == UNLABELLED, rest, painted))


def test_the_smart_brush_goes_by_intensity_where_not_all_under_it_is_proposed(desk: Desk) -> None:
    desk.propose()
    desk.key(Qt.Key.Key_S)
    desk.drag((390, 500), (390, 508))
    assert desk.labels()[390, 514] == 1, "the slide looks alike there; that it isn't proposed yet says nothing"


def test_a_stroke_under_way_goes_on_when_the_part_and_the_rest_arrive(desk: Desk) -> None:
    canvas, button = desk.window.canvas, Qt.MouseButton.LeftButton
    places = [canvas.mapFromScene(x, 390) for x in (380, 400, 420)]
    desk.qtbot.mousePress(canvas.viewport(), button, pos=places[0])
    desk.propose()
    desk.qtbot.mouseMove(canvas.viewport(), places[1])
    desk.finish("go")
    desk.qtbot.mouseMove(canvas.viewport(), places[2])
    desk.qtbot.mouseRelease(canvas.viewport(), button, pos=places[2])
    assert (desk.labels()[390, 380:421] == 1).all()
    assert desk.session.workspace is not None
    assert desk.session.workspace.next_undo is not None
    desk.session.undo()
    assert (desk.labels() == UNLABELLED).all()


def test_one_may_look_elsewhere_meanwhile(desk: Desk) -> None:
    desk.propose()
    desk.window.canvas.pan(300, 300)
    desk.window.canvas.fit()
    assert desk.is_partial()
    desk.open("s1.png")
    assert desk.session.plane is not None
    assert desk.session.plane.view.proposal is None
    desk.open("large.png")
    assert desk.is_partial()
    desk.open("s1.png")
    desk.finish("go")
    assert desk.session.plane.view.proposal is None
    desk.open("large.png")
    assert (desk.mask() == 1).all()
    assert not desk.is_partial()


def test_a_whole_proposal_stays_until_the_new_one_is_whole(desk: Desk) -> None:
    desk.propose()
    desk.finish("go")
    assert desk.session.workspace is not None
    (desk.session.workspace.place / "go").unlink()
    desk.propose()
    assert not desk.is_partial()
    assert (desk.mask() == 1).all()
    with desk.qtbot.waitSignal(desk.session.changed, check_params_cb=lambda changes: changes.history):
        desk.window.accepting.accept_plane()
    assert (desk.labels() == 1).all()
    desk.finish("fail")
    assert not desk.is_partial()


def test_with_another_model_the_part_goes(desk: Desk) -> None:
    desk.propose()
    workspace = desk.session.workspace
    assert workspace is not None
    other = next(card.id for card in desk.session.models.known() if card.id != workspace.active_model)
    desk.session.models.use(other)
    assert desk.session.plane is not None
    assert desk.session.plane.view.proposal is None
    desk.finish("go")
    assert desk.session.plane.view.proposal is None


def test_another_folder_may_be_opened_meanwhile(desk: Desk, tmp_path: Path) -> None:
    desk.propose()
    other = tmp_path / "other"
    other.mkdir()
    cv2.imwrite(str(other / "large.png"), np.full(SHAPE, 60, np.uint8))
    with desk.qtbot.waitSignal(desk.session.plane_opened):
        desk.window.open_folder(other)
    assert desk.session.plane is not None
    assert desk.session.plane.view.proposal is None
