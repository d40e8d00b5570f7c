"""Reading planes off the GUI thread: what was asked for last wins, and slides that nobody looks at are closed."""

from collections.abc import Sequence
from contextlib import suppress
from threading import Thread

from PySide6.QtCore import QObject, Signal

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.slides.finding import slide_file
from unet_studio.core.slides.reader import SlideReader
from unet_studio.core.workspace.workspace import Workspace
from unet_studio.errors import PathError, StudioError
from unet_studio.gui.background import Background
from unet_studio.gui.session.open_plane import OpenPlane, ReadPlane, ReadSlide, read_plane, read_slide
from unet_studio.gui.session.read_ahead import ReadAhead


class PlaneReading(QObject):
    """Reads the plane that is wanted, and ahead of that the slides that may be next; knows the plane that is shown."""

    read = Signal(object)  # OpenPlane, to be shown
    failed = Signal(str, str)  # slide, why it can't be shown

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.shown: OpenPlane | None = None
        self.wanted: PlaneId | None = None
        self._background = background
        self._ahead = ReadAhead(background, lambda path: read_slide(path, 0), self)

    def want(self, workspace: Workspace, plane: PlaneId) -> None:
        """Have a plane read."""
        self.wanted = plane
        if self.shown is not None and self.shown.id.slide == plane.slide:
            ready: ReadSlide | None = (self.shown.reader, self.shown.display)
        else:
            ready = None
            with suppress(PathError):  # it is told when the slide is read
                ready = self._ahead.take(slide_file(workspace.folder, plane.slide))
        self._read(workspace, plane, ready)

    def want_next(self, workspace: Workspace, slides: Sequence[str]) -> None:
        """Have these slides read in the background, so that they are shown at once when they are wanted."""
        if self.shown is not None:
            self._ahead.want([slide_file(workspace.folder, slide) for slide in slides], like=self.shown.reader.info)

    def show(self, plane: OpenPlane | None) -> None:
        """Another plane is shown, or the same one looks different, or none is; the slide shown before is let go."""
        before, self.shown = self.shown, plane
        if before is not None:
            self._let_go(before.reader)

    def forget(self) -> None:
        """Nothing is wanted or shown any more."""
        self.wanted = None
        self._background.forget()
        self._ahead.forget()
        self.show(None)

    def _read(self, workspace: Workspace, plane: PlaneId, ready: ReadSlide | None) -> None:
        """Have a plane read, again if an edit came to it meanwhile, and told if it is still wanted by then."""

        def arrived(read: ReadPlane) -> None:
            if self.wanted != plane:
                self._let_go(read.plane.reader)
            elif not read.is_current(workspace):
                self._read(workspace, plane, (read.plane.reader, read.plane.display))
            else:
                self.read.emit(read.plane)

        def failed(error: StudioError) -> None:
            if ready is not None:
                self._let_go(ready[0])
            if self.wanted == plane:
                self.failed.emit(plane.slide, str(error))

        def dropped(read: object) -> None:
            if isinstance(read, ReadPlane):
                self._let_go(read.plane.reader)

        work = read_plane(workspace, plane, ready)
        self._background.run(f"opening '{plane.slide}'", work, arrived, failed=failed, dropped=dropped)

    def _let_go(self, reader: SlideReader) -> None:
        """Close a slide, unless it is the one that is shown."""
        if self.shown is None or self.shown.reader is not reader:
            # A tile may just be read from it; the reader's own lock makes the close wait, off this thread.
            Thread(target=reader.close, name="close slide").start()
