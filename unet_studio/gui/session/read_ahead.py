"""Reading ahead: slides that are likely to be opened next are read in the background, before anyone asks for them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from unet_studio.core.figures.display import Display
from unet_studio.core.masks.proposals import slide_stamp
from unet_studio.core.slides.reader import SlideInfo, SlideReader
from unet_studio.gui.background import Background

ReadSlide = tuple[SlideReader, Display]
_MOST_BYTES = 64 << 20
"""Of a plane: larger slides are not read ahead, so that memory stays for the one that is open."""
_PAUSE_MS = 150
"""The open slide is painted first, and who leafs through slides quickly isn't slowed down."""


class ReadAhead(QObject):
    """Keeps the slides that were wanted last, and no others, open and ready; it reads one at a time."""

    def __init__(
        self, background: Background, read: Callable[[Path], ReadSlide], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._background = background
        self._read = read
        self._wanted: tuple[Path, ...] = ()
        self._ready: dict[Path, tuple[str, ReadSlide]] = {}
        self._is_reading = False
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._pause.timeout.connect(self._go_on)

    def want(self, slides: Sequence[Path], like: SlideInfo) -> None:
        """Have these slides ready, the first one first; none if the open slide `like` says that slides are large."""
        self._wanted = tuple(slides) if _plane_bytes(like) <= _MOST_BYTES else ()
        for slide in [slide for slide in self._ready if slide not in self._wanted]:
            self._ready.pop(slide)[1][0].close()
        self._pause.start()

    def take(self, slide: Path) -> ReadSlide | None:
        """Hand a slide over if it is ready and its file has not changed since."""
        self._wanted = tuple(wanted for wanted in self._wanted if wanted != slide)
        stamp, ready = self._ready.pop(slide, ("", None))
        if ready is not None and stamp != _stamp(slide):
            ready[0].close()
            return None
        return ready

    def forget(self) -> None:
        """Close all that is ready; the background is to forget what is being read."""
        self._wanted = ()
        self._is_reading = False
        for _, (reader, _) in self._ready.values():
            reader.close()
        self._ready.clear()

    def _go_on(self) -> None:
        missing = next((slide for slide in self._wanted if slide not in self._ready), None)
        if missing is not None and not self._is_reading:
            self._is_reading = True
            self._background.run(
                f"reading '{missing.name}' ahead",
                lambda: self._read_now(missing),
                lambda found: self._arrived(missing, found),
                failed=lambda _: self._arrived(missing, None),  # it is told when the slide is opened
                dropped=_close_found,
            )

    def _read_now(self, slide: Path) -> tuple[str, ReadSlide]:
        return _stamp(slide), self._read(slide)

    def _arrived(self, slide: Path, found: tuple[str, ReadSlide] | None) -> None:
        self._is_reading = False
        if found is not None:
            reader = found[1][0]
            if slide in self._wanted and _plane_bytes(reader.info) <= _MOST_BYTES:
                self._ready[slide] = found
            else:
                reader.close()
        if slide not in self._ready:  # unreadable or too large: it is read, and said so, when it is opened
            self._wanted = tuple(wanted for wanted in self._wanted if wanted != slide)
        self._go_on()


def _close_found(found: object) -> None:
    if isinstance(found, tuple):
        found[1][0].close()


def _plane_bytes(info: SlideInfo) -> int:
    return info.height * info.width * info.channels * info.dtype.itemsize


def _stamp(slide: Path) -> str:
    """What tells one version of the file from another; empty while there is none."""
    try:
        return slide_stamp(slide)
    except OSError:
        return ""
