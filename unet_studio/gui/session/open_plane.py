"""The plane on the canvas, and how it is read: slide, labels and proposal, all off the GUI thread."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unet_studio.core.figures.display import Display, auto_display, read_small
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.masks.proposals import Proposal
from unet_studio.core.slides.finding import slide_file
from unet_studio.core.slides.opening import SlideReader, open_slide
from unet_studio.core.tiles import Box
from unet_studio.core.workspace.workspace import Workspace

ReadSlide = tuple[SlideReader, Display]


@dataclass(frozen=True, slots=True)
class OpenPlane:
    """The plane on the canvas: its slide's reader, its labels, and how its mask comes about.

    `newer` is the active model's proposal where the plane was corrected on another one.
    """

    id: PlaneId
    reader: SlideReader
    display: Display
    labels: LabelPlane
    view: MaskView
    newer: Proposal | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.labels.shape

    def contains(self, pixel: tuple[int, int]) -> bool:
        """Whether a pixel (y, x) is on the plane."""
        return 0 <= pixel[0] < self.shape[0] and 0 <= pixel[1] < self.shape[1]

    @property
    def is_unmarked(self) -> bool:
        """Whether its mask is empty because there is neither a proposal nor a label of an object."""
        return self.view.proposal is None and not self.view.problem and not self.labels.has_objects()

    def mask_at(self, pixel: tuple[int, int]) -> int:
        """The class of the mask at a pixel (y, x) of the plane."""
        return int(self.view.read(Box(*pixel, pixel[0] + 1, pixel[1] + 1))[0, 0])


@dataclass(frozen=True, slots=True)
class ReadPlane:
    """A plane as a thread has read it; `version` is that of its labels, `model` the one whose proposal was found."""

    plane: OpenPlane
    version: int
    model: str

    def is_current(self, workspace: Workspace) -> bool:
        """Whether neither labels nor model have changed since."""
        return self.version == workspace.planes.version(self.plane.id) and self.model == workspace.active_model


def read_slide(path: Path, plane: int) -> ReadSlide:
    """Open a slide and find a display for it from a small version of the plane."""
    reader = open_slide(path)
    try:
        sampled = min(plane, reader.info.planes - 1)
        return reader, auto_display(read_small(reader, sampled))
    except BaseException:
        reader.close()
        raise


def read_plane(workspace: Workspace, plane: PlaneId, ready: ReadSlide | None) -> Callable[[], ReadPlane]:
    """What a thread does to open a plane; where its slide is `ready`, only labels and proposal are read."""
    version, model = workspace.planes.version(plane), workspace.active_model

    def work() -> ReadPlane:
        reader, display = ready or read_slide(slide_file(workspace.folder, plane.slide), plane.plane)
        try:
            labels = workspace.planes.read(plane, (reader.info.height, reader.info.width))
            view, newer = workspace.mask(plane, labels), workspace.find_newer(plane)
        except BaseException:
            if ready is None:
                reader.close()
            raise
        return ReadPlane(OpenPlane(plane, reader, display, labels, view, newer), version, model)

    return work
