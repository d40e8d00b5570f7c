"""The layers of the canvas: after any edits they show what they would show afresh, and memory follows the view."""

import itertools
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QGraphicsScene, QStyleOptionGraphicsItem
from pytestqt.qtbot import QtBot

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.figures.display import ChannelView, Display
from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import Proposal
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.slides.reader import Pixels, SlideInfo, SlideReader
from unet_studio.core.tiles import TILE, Box
from unet_studio.gui.background import Background
from unet_studio.gui.canvas import mask_layer, slide_layer
from unet_studio.gui.canvas.mask_layer import MaskLayer
from unet_studio.gui.canvas.slide_layer import SlideLayer
from unet_studio.gui.canvas.tile_cache import TileCache
from unet_studio.gui.canvas.tile_layer import TileLayer

SHAPE = (600, 700)
FILL = np.random.default_rng(0).integers(1, 255, (256, 4)).astype(np.uint8)
FILL[:, 3] = 255
FILL[[0, UNLABELLED]] = 0
LINE = 255 - FILL
LINE[:, 3] = 255  # what Qt makes of a colour without alpha depends on where it lies in memory
LINE[[0, UNLABELLED]] = 0

sides = st.tuples(st.integers(0, SHAPE[0]), st.integers(0, SHAPE[0])).map(sorted)
boxes = st.tuples(sides, sides).map(lambda s: Box(s[0][0], s[1][0], s[0][1], s[1][1]))
strokes = st.lists(st.tuples(boxes, st.sampled_from([0, 1, 2, UNLABELLED])), min_size=1, max_size=6)
scales = st.sampled_from([0.2, 0.5, 1.0])


@pytest.fixture(scope="module")
def background(qapp: object) -> Iterator[Background]:
    background = Background(1)
    yield background
    background.close()


def layer_of(labels: LabelPlane, background: Background, *, outlined: bool = False) -> MaskLayer:
    layer = MaskLayer(background, pytest.fail)
    layer.set_colours(FILL, LINE, outlined=outlined)
    layer.show_mask(MaskView(labels, None), labels.shape)
    QGraphicsScene(background).addItem(layer)
    return layer


def paint(layer: TileLayer, scale: float, area: QRectF | None = None) -> np.ndarray:
    """What the layer paints of an area of the plane, (h, w, 4)."""
    area = area or layer.boundingRect()
    image = QImage(round(area.width() * scale), round(area.height() * scale), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    option = QStyleOptionGraphicsItem()
    option.exposedRect = area
    painter = QPainter(image)
    painter.scale(scale, scale)
    painter.translate(-area.topLeft())
    layer.paint(painter, option)
    painter.end()
    return np.array(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)


def finish(layer: MaskLayer, scale: float) -> np.ndarray:
    """What the layer paints once nothing is put off any more."""
    picture = paint(layer, scale)
    while layer._is_put_off:
        picture = paint(layer, scale)
    return picture


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(strokes=strokes, seen=st.lists(scales, max_size=3), scale=scales, outlined=st.booleans())
def test_after_any_edits_the_picture_is_what_it_would_be_afresh(
    strokes: list[tuple[Box, int]], seen: list[float], scale: float, outlined: bool, background: Background
) -> None:
    labels = LabelPlane(SHAPE)
    layer = layer_of(labels, background, outlined=outlined)
    for number, (box, value) in enumerate(strokes):
        labels.write(box, np.full(box.shape, value, np.uint8))
        layer.refresh(box)
        if number < len(seen):
            paint(layer, seen[number])
    assert (finish(layer, scale) == finish(layer_of(labels, background, outlined=outlined), scale)).all()


def test_a_label_is_shown_where_it_is_and_nothing_elsewhere(background: Background) -> None:
    labels = LabelPlane(SHAPE)
    layer = layer_of(labels, background)
    assert not paint(layer, 1.0).any()
    labels.write(Box(250, 300, 260, 310), np.ones((10, 10), np.uint8))
    layer.refresh(Box(250, 300, 260, 310))
    picture = paint(layer, 1.0)
    assert (picture[250:260, 300:310] == FILL[1]).all()
    picture[250:260, 300:310] = 0
    assert not picture.any()


def test_tiles_without_labels_take_no_memory(background: Background) -> None:
    labels = LabelPlane((4096, 4096))
    labels.write(Box(0, 0, 10, 10), np.ones((10, 10), np.uint8))
    layer = layer_of(labels, background)
    paint(layer, 1.0)
    assert sum(not image.isNull() for image in layer._images.values()) == 1


def test_tiles_that_were_left_are_forgotten_and_those_in_view_are_kept(background: Background) -> None:
    labels = LabelPlane((4096, 4096))
    labels.write(Box(0, 0, 512, 4096), np.ones((512, 4096), np.uint8))
    layer = layer_of(labels, background)
    layer._images = TileCache(4 * 4 * TILE * TILE, QImage.sizeInBytes)
    for x in range(0, 3584, 256):
        paint(layer, 1.0, QRectF(x, 0, 512, 512))
        shown = {(0, (row, column)) for row in (0, 1) for column in (x // 256, x // 256 + 1)}
        assert shown <= layer._images.keys()
    assert len(layer._images) == 8, "twice as many as were in view at once"


def test_a_frame_puts_off_what_a_coarser_tile_can_stand_in_for_and_the_next_brings_it(
    background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mask_layer, "_BUDGET", 0.0)
    labels = LabelPlane(SHAPE)
    labels.write(Box(0, 0, *SHAPE), np.ones(SHAPE, np.uint8))
    layer = layer_of(labels, background)
    assert (paint(layer, 0.5) == FILL[1]).all(), "nothing can stand in: all is painted at once"
    assert not layer._is_put_off
    assert (paint(layer, 1.0) == FILL[1]).all(), "coarser tiles stand in"
    assert layer._is_put_off
    monkeypatch.setattr(mask_layer, "_BUDGET", 60.0)
    paint(layer, 1.0)
    assert not layer._is_put_off
    assert sum(level == 0 for level, _ in layer._images) == 9


def test_on_a_machine_however_slow_the_picture_gets_sharp(
    background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = LabelPlane(SHAPE)
    labels.write(Box(0, 0, *SHAPE), np.ones(SHAPE, np.uint8))
    layer = layer_of(labels, background)
    paint(layer, 0.5)
    monkeypatch.setattr(mask_layer.time, "perf_counter", itertools.count().__next__)  # a second from look to look
    for frame in range(1, 10):
        paint(layer, 1.0)
        assert sum(level == 0 for level, _ in layer._images) == frame
    assert not layer._is_put_off


def test_the_part_that_failed_shows_labels_and_all_else_its_mask(
    background: Background, qtbot: QtBot, tmp_path: Path
) -> None:
    shape = (1024, 1024)
    proposal = damaged_proposal(tmp_path / "p.tiles", shape, (3, 3))
    labels = LabelPlane(shape)
    labels.write(Box(900, 900, 910, 910), np.full((10, 10), 2, np.uint8))
    told: list[str] = []
    layer = MaskLayer(background, told.append)
    layer.set_colours(FILL, LINE, outlined=False)
    layer.show_mask(MaskView(labels, proposal), shape)
    QGraphicsScene(background).addItem(layer)
    paint(layer, 1.0)
    qtbot.waitUntil(lambda: len(layer._cleaned) == 16 and not layer._asked)
    picture = paint(layer, 1.0)
    assert (picture[:512] == FILL[1]).all() and (picture[:, :512] == FILL[1]).all()
    assert (picture[900:910, 900:910] == FILL[2]).all()
    picture[900:910, 900:910] = 0
    assert not picture[768:, 768:].any(), "nothing is shown as if it were proposed"
    assert len(told) == 1 and "can't be read" in told[0] and "Propose this slide again" in told[0]
    layer.change_mask(MaskView(labels, proposal, threshold=0.3))
    paint(layer, 1.0)
    qtbot.waitUntil(lambda: not layer._asked and layer._cleaned[0, (3, 3)][0] == layer._version)
    assert len(told) == 1, "another threshold is no news"
    layer.show_mask(MaskView(labels, proposal), shape)
    paint(layer, 1.0)
    qtbot.waitUntil(lambda: len(told) == 2)


def damaged_proposal(file: Path, shape: tuple[int, int], cell: tuple[int, int]) -> Proposal:
    """A proposal of class 1 everywhere, of which one tile on the disk is garbage."""
    write_proposal(file, shape, 1, [(0, np.full((*shape, 1), 255, np.uint8))], stamp="")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE tile SET data = x'00ff' WHERE tile_row = ? AND tile_column = ?", cell)
    return Proposal(file, shape, 1)


def test_a_mistake_in_the_program_is_told_once_and_logged_with_its_traceback(
    background: Background, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def cleaned(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of the test")

    monkeypatch.setattr(MaskView, "cleaned", cleaned)
    told: list[str] = []
    layer = MaskLayer(background, told.append)
    layer.set_colours(FILL, LINE, outlined=False)
    layer.show_mask(MaskView(LabelPlane(SHAPE), Proposal(Path("p.tiles"), SHAPE, 1)), SHAPE)
    QGraphicsScene(background).addItem(layer)
    paint(layer, 1.0)
    qtbot.waitUntil(lambda: len(layer._cleaned) == 9 and not layer._asked)
    assert len(told) == 1 and "ZeroDivisionError: of the test" in told[0]
    records = [record for record in caplog.records if record.name.startswith("unet_studio.gui")]
    assert records and all(record.exc_info and record.exc_info[0] is ZeroDivisionError for record in records)
    paint(layer, 1.0)
    assert not layer._asked, "what failed isn't tried again at every repaint"


class ManyChannels(SlideReader):
    """A large slide of 40 float channels that is nowhere on the disk."""

    def __init__(self) -> None:
        super().__init__(Path("many"), SlideInfo(1, 65536, 65536, 40, np.dtype(np.float32), None))

    def _read(self, plane: int, box: Box, shrink: int) -> Pixels:
        return np.zeros((*box.shape, 40), np.float32)

    def _release(self) -> None:
        pass


def test_tiles_of_many_channels_take_no_more_memory_than_is_allowed(
    background: Background, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = 40 * 4 * TILE * TILE
    monkeypatch.setattr(slide_layer, "_MOST_RAW", 6 * tile)
    layer = SlideLayer(background, pytest.fail)
    layer.show_plane(ManyChannels(), 0, Display(tuple(ChannelView(0.0, 1.0) for _ in range(40))))
    QGraphicsScene(background).addItem(layer)
    for x in range(0, 2048, 512):
        area = QRectF(x, 0, 1024, 512)
        paint(layer, 1.0, area)
        qtbot.waitUntil(lambda: not layer._asked)
        assert layer._raw.size <= 6 * tile
        assert {(0, (row, x // TILE + column)) for row in range(2) for column in range(4)} <= layer._images.keys()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SlideReader]:
    """A slide of one grey throughout."""
    cv2.imwrite(str(tmp_path / "grey.png"), np.full(SHAPE, 100, np.uint8))
    with open_slide(tmp_path / "grey.png") as reader:
        yield reader


def white_at(value: float) -> Display:
    return Display((ChannelView(0.0, value),))


def slide_layer_of(reader: SlideReader, background: Background) -> SlideLayer:
    layer = SlideLayer(background, pytest.fail)
    layer.show_plane(reader, 0, white_at(200.0))
    QGraphicsScene(background).addItem(layer)
    return layer


def test_painting_never_waits_for_pictures_of_tiles_that_arrive(
    background: Background, reader: SlideReader, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()

    def to_rgb(pixels: Pixels, display: Display) -> np.ndarray:
        threads.add(threading.current_thread())
        return real(pixels, display)

    real = slide_layer.to_rgb
    monkeypatch.setattr(slide_layer, "to_rgb", to_rgb)
    layer = slide_layer_of(reader, background)
    paint(layer, 1.0)
    qtbot.waitUntil(lambda: not layer._asked)
    assert (paint(layer, 1.0)[..., :3] == 128).all()
    assert threads
    assert threading.main_thread() not in threads


def test_a_contrast_changed_while_tiles_are_read_holds_for_them(
    background: Background, reader: SlideReader, qtbot: QtBot
) -> None:
    layer = slide_layer_of(reader, background)
    paint(layer, 1.0)
    layer.set_display(white_at(100.0))
    qtbot.waitUntil(lambda: not layer._asked)
    assert (paint(layer, 1.0)[..., :3] == 255).all()
    layer.set_display(white_at(200.0))
    assert (paint(layer, 1.0)[..., :3] == 128).all(), "at once, from the raw pixels"
    assert layer.value_at(5, 5) == 100
