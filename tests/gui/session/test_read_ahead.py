"""Reading ahead: what is ready, what is let go, and that a changed or large slide is never handed over."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from unet_studio.core.figures.display import Display
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.slides.reader import SlideInfo, SlideReader
from unet_studio.errors import SlideClosedError
from unet_studio.gui.background import Background
from unet_studio.gui.session import open_plane, read_ahead
from unet_studio.gui.session.read_ahead import ReadAhead
from unet_studio.gui.window.main_window import MainWindow

SMALL = SlideInfo(1, 32, 32, 1, np.dtype(np.uint8), None)
LARGE = SlideInfo(1, 16384, 16384, 1, np.dtype(np.uint8), None)


@pytest.fixture
def slides(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), np.full((32, 32), number, np.uint8))
    return paths


@pytest.fixture
def opened() -> list[SlideReader]:
    """All that was read, in order."""
    return []


@pytest.fixture
def ahead(qtbot: QtBot, opened: list[SlideReader]) -> Iterator[ReadAhead]:
    def read(path: Path) -> tuple[SlideReader, Display]:
        opened.append(open_slide(path))
        return opened[-1], Display()

    background = Background(1)
    yield ReadAhead(background, read)
    background.close()


@pytest.fixture
def wait(qtbot: QtBot, opened: list[SlideReader]) -> Callable[[int], None]:
    """Wait until that many slides were read, and handed over to this thread."""

    def wait_for(count: int) -> None:
        qtbot.waitUntil(lambda: len(opened) == count)
        qtbot.wait(20)

    return wait_for


def is_closed(reader: SlideReader) -> bool:
    try:
        reader.read(0, reader.info.box())
    except SlideClosedError:
        return True
    return False


def test_wanted_slides_are_ready_in_order(
    ahead: ReadAhead, slides: list[Path], opened: list[SlideReader], wait: Callable[[int], None]
) -> None:
    ahead.want(slides[1:3], like=SMALL)
    wait(2)
    assert [reader.path for reader in opened] == slides[1:3]
    taken = ahead.take(slides[2])
    assert taken is not None and taken[0].read(0, SMALL.box()).max() == 2
    assert ahead.take(slides[2]) is None, "a slide is handed over once"
    assert ahead.take(slides[0]) is None


def test_what_is_no_longer_wanted_is_closed_and_what_still_is_stays(
    ahead: ReadAhead, slides: list[Path], opened: list[SlideReader], wait: Callable[[int], None], qtbot: QtBot
) -> None:
    ahead.want(slides[:2], like=SMALL)
    wait(2)
    ahead.want(slides[1:3], like=SMALL)
    wait(3)
    qtbot.waitUntil(lambda: is_closed(opened[0]))
    assert [reader.path for reader in opened] == slides[:3], "the one still wanted is not read again"
    assert not is_closed(opened[1])
    ahead.forget()
    qtbot.waitUntil(lambda: is_closed(opened[1]) and is_closed(opened[2]))
    assert ahead.take(slides[1]) is None


def test_a_slide_that_changed_since_is_not_handed_over(
    ahead: ReadAhead, slides: list[Path], opened: list[SlideReader], wait: Callable[[int], None], qtbot: QtBot
) -> None:
    ahead.want(slides[:2], like=SMALL)
    wait(2)
    cv2.imwrite(str(slides[0]), np.full((48, 48), 9, np.uint8))
    slides[1].unlink()
    assert ahead.take(slides[0]) is None
    assert ahead.take(slides[1]) is None
    qtbot.waitUntil(lambda: all(is_closed(reader) for reader in opened))


def test_an_unreadable_slide_does_not_hold_up_the_next(
    ahead: ReadAhead, slides: list[Path], opened: list[SlideReader], wait: Callable[[int], None]
) -> None:
    slides[0].write_bytes(b"no slide")
    ahead.want(slides[:2], like=SMALL)
    wait(1)
    assert ahead.take(slides[0]) is None
    assert ahead.take(slides[1]) is not None


def test_nothing_is_read_ahead_among_large_slides(
    ahead: ReadAhead, slides: list[Path], opened: list[SlideReader], qtbot: QtBot
) -> None:
    ahead.want(slides, like=LARGE)
    qtbot.wait(50)
    assert not opened


def test_a_large_slide_among_small_ones_is_let_go(
    ahead: ReadAhead,
    slides: list[Path],
    opened: list[SlideReader],
    wait: Callable[[int], None],
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cv2.imwrite(str(slides[0]), np.zeros((64, 64), np.uint8))
    monkeypatch.setattr(read_ahead, "_MOST_BYTES", 32 * 32)
    ahead.want(slides[:2], like=SMALL)
    wait(2)
    qtbot.waitUntil(lambda: is_closed(opened[0]))
    assert ahead.take(slides[0]) is None
    assert ahead.take(slides[1]) is not None


def test_the_slides_beside_the_open_one_are_shown_without_reading_them(
    make_window: Callable[[], MainWindow], folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(open_plane, "open_slide", lambda path: read.append(path.name) or open_slide(path))
    window = make_window()
    window.open_folder(folder)
    qtbot.waitUntil(lambda: read == ["s1.png", "s2.png"])
    qtbot.wait(50)
    with qtbot.waitSignal(window.session.plane_opened):
        window.actions_by_id["next_slide"].trigger()
    assert window.session.plane is not None and window.session.plane.id.slide == "s2.png"
    qtbot.waitUntil(lambda: read == ["s1.png", "s2.png", "s10.png", "s1.png"])
