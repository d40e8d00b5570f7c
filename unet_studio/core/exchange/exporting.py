"""Exporting: masks as files that other programs can read, named after their slides.

A file has its slide's path and stem with the format's ending, `sub/a.tif` → `OUT/sub/a.png`; only where two slides
would share a name do both keep their own ending, `a.tif.png`. A stack becomes one TIFF with a page for each plane, in
which planes that aren't exported are unlabelled (255) throughout; as PNG or overlay it becomes one file for each
exported plane, `a_p0003.png`, counted from 1 as in the window.

In a mask, 255 is where neither a person nor a model said anything. Instances are the components of each class, and
where the clean-up closes the gaps of a boundary class (`watershed-boundary`) those of the background that it encloses.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.cleaning.instances import instances
from unet_studio.core.cleaning.steps import boundary_classes
from unet_studio.core.exchange.file_names import export_names, page_suffix
from unet_studio.core.exchange.mask_writing import write_instances, write_mask, write_overlay, written_values
from unet_studio.core.exchange.project_masks import plane_mask, slide_mask
from unet_studio.core.figures.display import auto_display, to_rgb
from unet_studio.core.files import path_inside
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposals import proposed_planes
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.slides.finding import find_slides, slide_file
from unet_studio.core.slides.opening import SlideReader, open_slide
from unet_studio.core.wording import counted
from unet_studio.errors import FilesThereError, PathError, StudioError


class Format(StrEnum):
    """What is written: masks as PNG or TIFF, or PNG pictures of the slide under the colours of its classes."""

    PNG = "png"
    TIFF = "tiff"
    OVERLAY = "overlay"


class Values(StrEnum):
    """What a mask's values mean: the index of a class, 255 for every class but background, or the number of an
    instance, counted from 1 in each plane (0 is background and unlabelled)."""

    INDEX = "index"
    BINARY = "binary"
    INSTANCES = "instances"


class Wanted(StrEnum):
    """Which planes are exported, by their state; each includes those after it."""

    ANY = "any"
    CORRECTED = "corrected"
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What a person wants exported, and into which folder; `values` doesn't matter to overlays.

    Files in `out` that this program didn't write are replaced only with `overwrite`.
    """

    out: Path
    format: Format = Format.PNG
    values: Values = Values.INDEX
    states: Wanted = Wanted.REVIEWED
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file to write: its slide, the planes in it, and its path below OUT without the format's ending."""

    slide: str
    planes: tuple[int, ...]
    name: str


@dataclass(frozen=True, slots=True)
class ExportOutcome:
    """What became of one planned file: it was written, or `problem` is the sentence that says why it wasn't."""

    slide: str
    file: Path | None
    problem: str = ""


def plan_export(project: Project, request: ExportRequest) -> tuple[PlannedFile, ...]:
    """The files that `export` will write, in order of their slides.

    Raises StudioError where no plane is in a wanted state, or where the files would come to lie among the slides.
    """
    numbers: dict[str, list[int]] = defaultdict(list)
    for plane in sorted(_wanted_planes(project, request.states)):
        numbers[plane.slide].append(plane.plane)
    if not numbers:
        raise StudioError(_NOTHING[request.states])
    slides = find_slides(project.folder)
    names = export_names({*slides, *numbers})
    planned = []
    for slide in [slide for slide in slides if slide in numbers] + sorted(numbers.keys() - set(slides)):
        files = [numbers[slide]] if request.format == Format.TIFF else [[number] for number in numbers[slide]]
        planned += [PlannedFile(slide, tuple(planes), names[slide]) for planes in files]
    _check_out(project.folder, request.out, planned)
    return tuple(planned)


def export(
    project: Project, request: ExportRequest, planned: Sequence[PlannedFile] | None = None
) -> Iterator[ExportOutcome]:
    """Write the masks file by file, yielding what became of each; stop iterating to stop between two files.

    `planned` is what `plan_export` gave, if it was asked before. Raises StudioError at once for what `plan_export`
    refuses; what is wrong with a single slide is in its outcome, and the others go on.
    """
    todo = plan_export(project, request) if planned is None else planned
    return (_export_file(project, request, item) for item in todo)


def check_nothing_is_lost(request: ExportRequest, planned: Sequence[PlannedFile]) -> None:
    """Raise FilesThereError where files that this program didn't write have the names of planned ones, unless the
    request is to overwrite them."""
    if request.overwrite:
        return
    there: dict[Path, None] = {}  # each once, in order: all planes of a slide may have one name
    for item in planned:
        names = [f"{item.name}.tif"]
        if request.format != Format.TIFF:  # whether a slide is a stack is known once it is open
            names = [f"{item.name}.png", *(f"{item.name}{page_suffix(number)}.png" for number in item.planes)]
        for name in names:
            with suppress(PathError):
                file = path_inside(request.out, name)
                if file not in there and _is_of_others(file):
                    there[file] = None
    if there:
        raise FilesThereError(
            f"{counted(len(there), 'file')} in '{request.out}' would be replaced that this program didn't write, such "
            f"as '{next(iter(there)).name}'. Choose another folder, or replace what is there with --overwrite.",
            len(there),
        )


def _is_of_others(file: Path) -> bool:
    return file.is_symlink() or (file.exists() and not written_values(file))


def _wanted_planes(project: Project, wanted: Wanted) -> frozenset[PlaneId]:
    states = project.states()
    if wanted == Wanted.REVIEWED:
        return frozenset(plane for plane, state in states.items() if state is PlaneState.REVIEWED)
    if wanted == Wanted.CORRECTED:
        return frozenset(states)
    return proposed_planes(project.place, project.active_model).union(states)


_NOTHING = {
    Wanted.REVIEWED: "No plane is reviewed yet, so there is nothing to export. "
    "Mark slides as reviewed, or export planes in any state (--state any).",
    Wanted.CORRECTED: "No plane is corrected or reviewed yet, so there is nothing to export. "
    "Correct some slides, or export planes in any state (--state any).",
    Wanted.ANY: "No plane has a proposal of the active model, or labels, so there is nothing to export. "
    "Propose masks first.",
}


def _check_out(folder: Path, out: Path, planned: Sequence[PlannedFile]) -> None:
    """Raise StudioError where an exported file would overwrite a slide, or be taken for one the next time."""
    places = set()
    for item in planned:
        with suppress(PathError):  # its own outcome says so, and the others are exported
            places.add(path_inside(out, item.name).parent.resolve())
    for place in places:
        if not place.is_relative_to(folder):
            continue
        # What `find_slides` passes over is safe.
        if not any(part == PLACE_NAME or part.startswith(".") for part in place.relative_to(folder).parts):
            raise StudioError(
                f"Files exported to '{out}' would lie among the slides of '{folder}': they could overwrite slides, and "
                f"would be taken for slides. Choose a folder outside it, or '{folder / PLACE_NAME / 'export'}'."
            )


def _export_file(project: Project, request: ExportRequest, item: PlannedFile) -> ExportOutcome:
    try:
        with open_slide(slide_file(project.folder, item.slide)) as reader:
            if request.format == Format.TIFF:
                file = _write_tiff(project, request, item, reader)
            else:
                file = _write_plane(project, request, item, reader)
    except StudioError as error:
        return ExportOutcome(item.slide, None, str(error))
    return ExportOutcome(item.slide, file)


def _write_tiff(project: Project, request: ExportRequest, item: PlannedFile, reader: SlideReader) -> Path:
    file = _free_file(request, f"{item.name}.tif")
    masks = slide_mask(project, reader, item.slide, item.planes)
    _write(project, request, file, masks, reader.info.pixel_size_um)
    return file


def _free_file(request: ExportRequest, name: str) -> Path:
    """The file to write; raises StudioError where another program's would be lost, or it leads out of the folder."""
    file = path_inside(request.out, name)
    if not request.overwrite and _is_of_others(file):
        raise StudioError(f"'{file}' is there already and wasn't written by this program. Move it, then export again.")
    return file


def _write_plane(project: Project, request: ExportRequest, item: PlannedFile, reader: SlideReader) -> Path:
    """Write the one plane of a planned PNG, a mask or an overlay."""
    (number,) = item.planes
    suffix = page_suffix(number) if reader.info.planes > 1 else ""
    file = _free_file(request, f"{item.name}{suffix}.png")
    mask = plane_mask(project, reader, PlaneId(item.slide, number))
    if request.format == Format.OVERLAY:
        pixels = reader.read(number, reader.info.box())
        write_overlay(file, to_rgb(pixels, auto_display(pixels)), mask, project.classes())
    else:
        _write(project, request, file, mask, None)
    return file


def _write(
    project: Project, request: ExportRequest, file: Path, masks: NDArray[np.uint8], pixel_size_um: float | None
) -> None:
    """Write the mask of a plane, (h, w), or of a stack, (planes, h, w), in the values that are wanted."""
    if request.values != Values.INSTANCES:
        write_mask(file, masks, values=request.values, pixel_size_um=pixel_size_um)
        return
    boundaries = boundary_classes(project.steps())
    planes = masks.reshape(-1, *masks.shape[-2:])
    numbers = np.stack([instances(plane, boundaries=boundaries) for plane in planes])
    write_instances(file, numbers.reshape(masks.shape), pixel_size_um=pixel_size_um)
