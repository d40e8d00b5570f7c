"""The masks of reviewed planes, kept as files in the project, so that its folder is useful without this program."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.exchange.file_names import export_names
from unet_studio.core.exchange.mask_writing import write_mask, write_tiled_mask
from unet_studio.core.exchange.project_masks import mask_in_parts, slide_mask
from unet_studio.core.files import path_inside
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.project.store import Project
from unet_studio.core.slides.finding import find_slides, slide_file
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.errors import StudioError

_NEVER, _LONG_AGO = datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
_LARGE = 8192 * 8192
"""The kept mask of a slide with more pixels than this is a tiled TIFF, which is written part by part."""


def keep_masks(project: Project, planes: Iterable[PlaneId]) -> None:
    """Bring the project's masks/ up to date for the slides of `planes`, which became reviewed or no longer are.

    Raises StudioError where a slide can't be read or its mask can't be written.
    """
    states = project.states()
    slides = {plane.slide for plane in planes}
    names = export_names({*find_slides(project.folder), *slides})
    for slide in sorted(slides):
        reviewed = sorted(p.plane for p, state in states.items() if p.slide == slide and state is PlaneState.REVIEWED)
        with open_slide(slide_file(project.folder, slide)) as reader:
            info = reader.info
            is_large = info.planes * info.height * info.width > _LARGE
            ending = ".png" if info.planes == 1 and not is_large else ".tif"
            file = path_inside(project.place, f"masks/{names[slide]}{ending}")
            if not reviewed:
                _remove(file)
            elif is_large:
                parts = [
                    mask_in_parts(project, reader, PlaneId(slide, number)) if number in reviewed else _unlabelled
                    for number in range(info.planes)
                ]
                write_tiled_mask(file, parts, info.box().shape, pixel_size_um=info.pixel_size_um)
            else:
                write_mask(file, slide_mask(project, reader, slide, reviewed), pixel_size_um=info.pixel_size_um)


def find_outdated(project: Project) -> tuple[PlaneId, ...]:
    """The reviewed planes of which the kept mask is missing, or older than the last edit that wasn't taken back.

    So it is where the program was ended between a review and its file. Raises `SlideError` where the folder has no
    slides.
    """
    edited = project.last_edits()
    names = export_names(find_slides(project.folder))
    reviewed = [plane for plane, state in project.states().items() if state is PlaneState.REVIEWED]
    return tuple(
        plane
        for plane in sorted(reviewed)
        if plane.slide in names and _written(project.place, names[plane.slide]) < edited.get(plane, _LONG_AGO)
    )


def _written(place: Path, name: str) -> datetime:
    """When the mask of a slide was written last; before every edit where there is none."""
    files = [path_inside(place, f"masks/{name}{ending}") for ending in (".png", ".tif")]
    times = [file.stat().st_mtime for file in files if file.is_file()]
    return datetime.fromtimestamp(max(times), UTC) if times else _NEVER


def _unlabelled(box: Box) -> NDArray[np.uint8]:
    return np.full(box.shape, UNLABELLED, np.uint8)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise StudioError(
            f"'{file}' is out of date and can't be removed ({error.strerror}). Close the program that has it open."
        ) from error
