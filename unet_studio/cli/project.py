"""The project that a command works on."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from unet_studio.core.masks.kept import settle
from unet_studio.core.project.lock import writing
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import find_slides
from unet_studio.errors import ProjectPlaceError, StudioError


@contextmanager
def open_project(folder: Path, place: Path | None, *, write: bool) -> Iterator[Project]:
    """The project of a folder that has slides; with `write`, its write lock is held meanwhile.

    Raises StudioError where there is no folder, no slide, no place for the project, or another process that writes.
    """
    find_slides(folder)
    try:
        project = Project.open(folder, place=place)
    except ProjectPlaceError as error:
        raise StudioError(f"{error} Name it with --project DIR.") from error
    with project, writing(project.place) if write else nullcontext():
        if write:
            settle(project)  # before another model becomes active
        yield project
