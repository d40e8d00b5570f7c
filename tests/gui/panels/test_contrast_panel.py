"""Contrast, channels, what the network sees, and the pixel in words, by real mouse and key events in the window."""

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QColorDialog, QLabel, QWidget

from unet_studio.core.figures.display import ChannelView
from unet_studio.core.models.cards import bundled_models
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.store import Project
from unet_studio.core.slides.opening import open_slide
from unet_studio.gui.panels.contrast_panel import ContrastPanel

if TYPE_CHECKING:
    from tests.gui.conftest import Hand

SIDE = 128
DEEP, COLOUR, FIVE, STACK = "a16.tif", "b8.png", "c5.ome.tif", "d.ome.tif"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A 16-bit grey slide of 300…899, an 8-bit colour slide, a slide of five channels, a stack of three planes."""
    folder = tmp_path / "slides"
    folder.mkdir()
    rng = np.random.default_rng(0)
    tifffile.imwrite(folder / DEEP, rng.integers(300, 900, (SIDE, SIDE)).astype(np.uint16))
    cv2.imwrite(str(folder / COLOUR), rng.integers(20, 200, (SIDE, SIDE, 3), dtype=np.uint8))
    five = np.stack([rng.integers(0, 200 * (c + 1), (SIDE, SIDE)) for c in range(5)]).astype(np.uint16)
    size = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5, "PhysicalSizeYUnit": "µm"}
    tifffile.imwrite(folder / FIVE, five, photometric="minisblack", metadata={"axes": "CYX", **size})
    stack = np.stack([rng.integers(0, 1000 * (z + 1), (SIDE, SIDE)) for z in range(3)]).astype(np.uint16)
    tifffile.imwrite(folder / STACK, stack, photometric="minisblack", metadata={"axes": "ZYX"})
    return folder


def panel(hand: "Hand") -> ContrastPanel:
    return hand.window.view_panel.contrast


def views(hand: "Hand") -> tuple[ChannelView, ...]:
    """How the channels of the open plane are shown."""
    assert hand.window.session.plane is not None
    return hand.window.session.plane.display.channels


def view(hand: "Hand") -> ChannelView:
    (only,) = views(hand)
    return only


def measured(hand: "Hand") -> None:
    """Wait until the histograms of the open plane are there."""
    hand.qtbot.waitUntil(lambda: panel(hand)._automatic.isEnabled())


def go_to(hand: "Hand", slide: str) -> None:
    while hand.window.slides.current() != slide:
        with hand.qtbot.waitSignal(hand.window.session.plane_opened):
            hand.key(Qt.Key.Key_PageDown)
    measured(hand)


def click_channel(hand: "Hand", row: int) -> None:
    channels = panel(hand)._channels
    rect = channels.visualItemRect(channels.item(row))
    QTest.mouseClick(channels.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(rect.right() - 4, rect.center().y()))


def drag_handle(hand: "Hand", value: float, to: float) -> None:
    """Drag the handle that is at one raw value to another."""
    histogram = panel(hand)._histogram
    y = histogram.height() - 4
    start, end = (QPoint(round(histogram.position(v)), y) for v in (value, to))
    QTest.mousePress(histogram, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(histogram, (start + end) / 2)
    QTest.mouseMove(histogram, end)
    QTest.mouseRelease(histogram, Qt.MouseButton.LeftButton, pos=end)


def retype(hand: "Hand", field: QAbstractSpinBox, text: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Tab)


def picture(hand: "Hand") -> np.ndarray:
    """The slide's middle as it is on the screen, without its mask: (h, w, 3)."""
    hand.window.canvas.mask_layer.hide()
    hand.window.canvas.slide_layer.update()
    corner = hand.at(40, 40)
    image = hand.window.canvas.viewport().grab(QRect(corner, hand.at(80, 80))).toImage()
    image.convertTo(QImage.Format.Format_RGBA8888)
    return np.array(image.constBits()).reshape(image.height(), image.width(), 4)[..., :3]


def shown(hand: "Hand") -> None:
    """Wait until the pixels are there."""
    hand.qtbot.waitUntil(lambda: hand.window.canvas.slide_layer.value_at(50, 50) is not None)


def told(hand: "Hand") -> str:
    return " ".join(label.text() for label in hand.window.messages.findChildren(QLabel))


# Levels


def test_a_deep_slide_opens_with_its_own_percentiles_and_shows_them(hand: "Hand") -> None:
    measured(hand)
    assert 295 < view(hand).low < 310
    assert 890 < view(hand).high < 905
    assert panel(hand)._low.value() == pytest.approx(view(hand).low, abs=1)
    assert panel(hand)._high.value() == pytest.approx(view(hand).high, abs=1)


def test_dragging_the_handles_changes_what_is_black_and_white(hand: "Hand") -> None:
    measured(hand)
    before = view(hand)
    drag_handle(hand, before.low, 500)
    assert view(hand).low == pytest.approx(500, abs=8)
    assert view(hand).high == before.high
    drag_handle(hand, before.high, 700)
    assert view(hand).high == pytest.approx(700, abs=8)


def test_dragging_the_middle_handle_changes_gamma_alone(hand: "Hand") -> None:
    measured(hand)
    before = view(hand)
    span = before.high - before.low
    drag_handle(hand, before.low + span / 2, before.low + span / 4)
    assert view(hand).gamma == pytest.approx(2.0, abs=0.1)
    assert (view(hand).low, view(hand).high) == (before.low, before.high)


def test_handles_never_pass_each_other(hand: "Hand") -> None:
    measured(hand)
    drag_handle(hand, view(hand).low, 5000)
    assert view(hand).low < view(hand).high


def test_levels_are_typed_and_stepped_by_keyboard(hand: "Hand") -> None:
    measured(hand)
    retype(hand, panel(hand)._low, "420")
    retype(hand, panel(hand)._high, "2000")
    assert (view(hand).low, view(hand).high) == (420, 2000)
    QTest.keyClick(panel(hand)._gamma, Qt.Key.Key_Up)
    assert view(hand).gamma == pytest.approx(1.1)
    assert panel(hand)._histogram.position(2000) <= panel(hand)._histogram.width()


def test_typing_a_white_below_the_black_takes_the_black_along(hand: "Hand") -> None:
    retype(hand, panel(hand)._high, "10")
    assert (view(hand).low, view(hand).high) == (10, 10)
    retype(hand, panel(hand)._low, "70")
    assert (view(hand).low, view(hand).high) == (70, 70)


def test_the_picture_follows(hand: "Hand") -> None:
    shown(hand)
    retype(hand, panel(hand)._low, "0")
    retype(hand, panel(hand)._high, "10")
    assert (picture(hand) == 255).all()
    retype(hand, panel(hand)._high, "65000")
    assert picture(hand).max() < 10


def test_auto_stretches_and_reset_restores(hand: "Hand") -> None:
    go_to(hand, COLOUR)
    assert {(v.low, v.high) for v in views(hand)} == {(0, 255)}
    first = views(hand)
    retype(hand, panel(hand)._high, "90")
    panel(hand)._automatic.click()
    assert {(v.low, v.high) for v in views(hand)} == {(20, 199)}
    retype(hand, panel(hand)._gamma, "3")
    panel(hand)._reset.click()
    assert views(hand) == first


def test_levels_stay_with_their_slide(hand: "Hand") -> None:
    retype(hand, panel(hand)._high, "777")
    go_to(hand, COLOUR)
    assert views(hand)[0].high == 255
    with hand.qtbot.waitSignal(hand.window.session.plane_opened):
        hand.key(Qt.Key.Key_PageUp)
    assert view(hand).high == 777
    assert panel(hand)._high.value() == 777


def test_another_plane_keeps_the_levels_and_brings_its_histogram(hand: "Hand") -> None:
    go_to(hand, STACK)
    retype(hand, panel(hand)._high, "500")
    with hand.qtbot.waitSignal(hand.window.inspection.tones_measured):
        hand.key(Qt.Key.Key_Period)
    assert view(hand).high == 500
    panel(hand)._automatic.click()
    assert view(hand).high == pytest.approx(2000, abs=50)


# Channels


def test_a_channel_of_a_colour_slide_may_be_set_alone(hand: "Hand") -> None:
    go_to(hand, COLOUR)
    click_channel(hand, 2)  # after all and red
    retype(hand, panel(hand)._high, "100")
    assert [v.high for v in views(hand)] == [255, 100, 255]
    click_channel(hand, 0)
    retype(hand, panel(hand)._low, "9")
    assert [v.low for v in views(hand)] == [9, 9, 9]


def test_channels_are_hidden_by_their_tick_and_by_space(hand: "Hand") -> None:
    go_to(hand, FIVE)
    channels = panel(hand)._channels
    assert channels.count() == 5
    click_channel(hand, 3)
    QTest.keyClick(channels, Qt.Key.Key_Space)
    assert [v.shown for v in views(hand)] == [True, True, True, False, True]
    QTest.keyClick(channels, Qt.Key.Key_Space)
    rect = channels.visualItemRect(channels.item(0))
    QTest.mouseClick(channels.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(rect.left() + 9, rect.center().y()))
    assert [v.shown for v in views(hand)] == [False, True, True, True, True]


def test_a_channel_takes_another_colour(hand: "Hand", monkeypatch: pytest.MonkeyPatch) -> None:
    go_to(hand, FIVE)
    click_channel(hand, 1)
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor(1, 2, 3))
    QTest.mouseClick(panel(hand)._colour, Qt.MouseButton.LeftButton)
    assert views(hand)[1].colour == (1, 2, 3)
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor())  # cancelled
    QTest.mouseClick(panel(hand)._colour, Qt.MouseButton.LeftButton)
    assert views(hand)[1].colour == (1, 2, 3)


def test_a_grey_slide_has_no_list_of_channels(hand: "Hand") -> None:
    measured(hand)
    assert not panel(hand)._channels.isVisible()
    assert not panel(hand)._colour.isVisible()
    go_to(hand, COLOUR)
    assert panel(hand)._channels.isVisible()


def test_every_control_has_a_name_and_takes_the_keyboard(hand: "Hand") -> None:
    go_to(hand, FIVE)
    controls: list[QWidget] = [panel(hand)._channels, panel(hand)._colour, panel(hand)._low, panel(hand)._gamma]
    for control in (*controls, panel(hand)._high, panel(hand)._automatic, panel(hand)._reset):
        assert control.accessibleName() or control.property("text")
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert panel(hand)._histogram.accessibleName()


def test_the_right_side_fits_a_small_window(hand: "Hand") -> None:
    go_to(hand, FIVE)
    assert hand.window.height() <= 800
    assert hand.window.page.tabs.height() >= 240
    assert hand.window.page.minimumSizeHint().width() <= 1280


# What the network sees


def see_network(hand: "Hand") -> None:
    with hand.qtbot.waitSignal(
        hand.window.inspection.network_view_changed, check_params_cb=lambda view: view is not None
    ):
        hand.key(Qt.Key.Key_U)


def test_u_shows_what_the_network_sees_says_so_and_gives_the_contrast_back(hand: "Hand") -> None:
    shown(hand)
    retype(hand, panel(hand)._high, "10")
    retype(hand, panel(hand)._low, "0")
    hand.window.canvas.setFocus()
    see_network(hand)
    with open_slide(hand.window.session.workspace.folder / DEEP) as reader:  # type: ignore[union-attr]
        model = hand.window.session.models.active()
        assert model is not None
        expected = model.normalisation.apply(reader.read(0, reader.info.box()), model.normalisation.measure(reader, 0))
    assert 0.3 < picture(hand).mean() / 255 < 0.7
    assert picture(hand).mean() / 255 == pytest.approx(expected[40:80, 40:80].clip(0, 1).mean(), abs=0.05)
    assert "network" in told(hand)
    assert not panel(hand).isEnabled()
    assert f"network {expected[10, 100, 0]:.2f}" in describe(hand, 10, 100)
    hand.key(Qt.Key.Key_U)
    assert (picture(hand) == 255).all()
    assert panel(hand).isEnabled()
    assert (view(hand).low, view(hand).high) == (0, 10)


def test_contrast_never_changes_what_the_network_sees(hand: "Hand") -> None:
    shown(hand)
    see_network(hand)
    before = picture(hand)
    hand.key(Qt.Key.Key_U)
    retype(hand, panel(hand)._low, "850")
    retype(hand, panel(hand)._gamma, "4")
    hand.window.canvas.setFocus()
    see_network(hand)
    assert np.array_equal(picture(hand), before)
    hand.saved()
    workspace = hand.window.session.workspace
    assert workspace is not None
    with Project.open(workspace.folder) as project:  # nor is there anything in the project that could
        assert not project.history()


def test_the_next_slide_is_shown_as_the_network_sees_it_too(hand: "Hand") -> None:
    see_network(hand)
    with hand.qtbot.waitSignal(
        hand.window.inspection.network_view_changed, check_params_cb=lambda view: view is not None
    ):
        hand.key(Qt.Key.Key_PageDown)
    assert hand.window.actions_by_id["network_view"].isChecked()
    colours = picture(hand)
    assert (colours == colours[..., :1]).all()  # the model looks at one channel


def test_a_slide_that_does_not_fit_the_model_says_so_and_stays_as_it_is(hand: "Hand") -> None:
    go_to(hand, FIVE)
    with hand.qtbot.waitSignal(hand.window.inspection.network_view_changed):
        hand.key(Qt.Key.Key_U)
    assert "5" in told(hand)
    assert "channels" in told(hand)
    assert not hand.window.actions_by_id["network_view"].isChecked()
    assert panel(hand).isEnabled()


def test_another_model_brings_its_own_view(hand: "Hand") -> None:
    see_network(hand)
    other = next(card for card in bundled_models() if card.normalisation.channels == 3)
    assert other.normalisation != Normalisation(1)
    with hand.qtbot.waitSignal(
        hand.window.inspection.network_view_changed,
        check_params_cb=lambda view: view is not None and view.normalisation == other.normalisation,
    ):
        hand.window.session.models.use(other.id)


# The pixel in words


def describe(hand: "Hand", y: int, x: int) -> str:
    QApplication.processEvents()  # a message may just have made the canvas smaller
    QTest.mouseMove(hand.window.canvas.viewport(), hand.at(y + 0.5, x + 0.5))
    return hand.window.status_line._position.text()


def test_the_status_line_says_where_what_and_how_sure(hand: "Hand") -> None:
    go_to(hand, FIVE)
    shown(hand)
    with open_slide(hand.window.session.workspace.folder / FIVE) as reader:  # type: ignore[union-attr]
        raw = reader.read(0, reader.info.box())[50, 60]
    assert describe(hand, 50, 60) == f"y 50  x 60 · 25.0, 30.0 µm · raw {' '.join(map(str, raw))}"
    probability = np.full((SIDE, SIDE), 51, np.uint8)
    probability[40:80, 40:80] = 237
    hand.give_proposal(FIVE, probability)
    assert describe(hand, 51, 60).endswith(" · nucleus 0.93 (proposed)")
    assert describe(hand, 10, 60).endswith(" · background 0.80 (proposed)")
    hand.click(60, 60)
    assert describe(hand, 61, 60).endswith(" · nucleus (labelled) · nucleus 0.93 (proposed)")
    assert describe(hand, -20, 60) == ""


def test_a_proposal_that_was_deleted_is_left_out(hand: "Hand") -> None:
    shown(hand)
    hand.give_proposal(DEEP, np.full((SIDE, SIDE), 237, np.uint8))
    plane = hand.window.session.plane
    assert plane is not None
    assert plane.view.proposal is not None
    plane.view.proposal.file.unlink()
    assert "nucleus" not in describe(hand, 50, 60)
    assert "raw" in describe(hand, 50, 61)
