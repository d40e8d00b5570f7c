"""The project that a command works on."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import typer

from unet_studio.core.masks.kept import settle
from unet_studio.core.project.backups import back_up_or_say
from unet_studio.core.project.lock import writing
from unet_studio.core.project.recovering import recover
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.slides.finding import find_slides
from unet_studio.errors import ProjectPlaceError, StudioError


@contextmanager
def open_project(folder: Path, place: Path | None, *, write: bool) -> Iterator[Project]:
    """The project of a folder that has slides; with `write`, it is backed up and its write lock is held meanwhile.

    A damaged one is put together again from its newest backup; what is wrong with it is said on stderr.
    Raises StudioError where there is no folder, no slide, no place for the project, or another process that writes.
    """
    find_slides(folder)
    said = [recover((place or folder / PLACE_NAME).resolve())]
    try:
        project = Project.open(folder, place=place)
    except ProjectPlaceError as error:
        raise StudioError(f"{error} Name it with --project DIR.") from error
    with project, writing(project.place) if write else nullcontext():
        if write:
            said.append(back_up_or_say(project.place))
            settle(project)  # before another model becomes active
        for sentence in (*said, *project.find_unreadable()):
            if sentence:
                typer.echo(sentence, err=True)
        yield project
