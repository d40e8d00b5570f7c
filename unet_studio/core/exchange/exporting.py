"""Exporting: masks as files that other programs can read, named after their slides.

A file has its slide's path and stem with the format's ending, `sub/a.tif` → `OUT/sub/a.png`; only where two slides
would share a name do both keep their own ending, `a.tif.png`. A stack becomes one TIFF with a page for each plane, in
which planes that aren't exported are unlabelled (255) throughout; as PNG or overlay it becomes one file for each
exported plane, `a_p0003.png`, counted from 1 as in the window.

In a mask, 255 is where neither a person nor a model said anything. Instances are the components of each class, and
where the clean-up closes the gaps of a boundary class (`watershed-boundary`) those of the background that it encloses.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.cleaning.instances import instances
from unet_studio.core.cleaning.steps import boundary_classes
from unet_studio.core.exchange.mask_files import write_instances, write_mask, write_overlay, write_tiled_mask
from unet_studio.core.figures.display import auto_display, to_rgb
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.of_project import view_plane
from unet_studio.core.masks.proposals import proposed_planes
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.slides.finding import find_slides
from unet_studio.core.slides.opening import SlideReader, open_slide
from unet_studio.core.tiles import Box
from unet_studio.errors import SlideError, StudioError

_LARGE = 8192 * 8192
"""The kept mask of a slide with more pixels than this is a tiled TIFF, which is written part by part."""
_NAME_OF_PLANE = re.compile(r"(.+)_p\d{4,}")


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
    """What a person wants exported, and into which folder; `values` doesn't matter to overlays."""

    out: Path
    format: Format = Format.PNG
    values: Values = Values.INDEX
    states: Wanted = Wanted.REVIEWED


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


def keep_masks(project: Project, planes: Iterable[PlaneId]) -> None:
    """Bring the project's masks/ up to date for the slides of `planes`, which became reviewed or no longer are.

    Raises StudioError where a slide can't be read or its mask can't be written.
    """
    states = project.states()
    slides = {plane.slide for plane in planes}
    names = export_names({*find_slides(project.folder), *slides})
    for slide in sorted(slides):
        reviewed = sorted(p.plane for p, state in states.items() if p.slide == slide and state is PlaneState.REVIEWED)
        with open_slide(project.folder / slide) as reader:
            info = reader.info
            is_large = info.planes * info.height * info.width > _LARGE
            ending = ".png" if info.planes == 1 and not is_large else ".tif"
            file = project.place / "masks" / (names[slide] + ending)
            if not reviewed:
                _remove(file)
            elif is_large:
                parts = [
                    _mask_in_parts(project, reader, PlaneId(slide, number)) if number in reviewed else _unlabelled
                    for number in range(info.planes)
                ]
                write_tiled_mask(file, parts, info.box().shape, pixel_size_um=info.pixel_size_um)
            else:
                write_mask(file, _masks(project, reader, slide, reviewed), pixel_size_um=info.pixel_size_um)


def export_names(slides: Iterable[str]) -> dict[str, str]:
    """The path of each slide's file without the format's ending.

    >>> export_names(["sub/a.tif", "b.png", "b.tif"])
    {'sub/a.tif': 'sub/a', 'b.png': 'b.png', 'b.tif': 'b.tif'}
    """
    names = {slide: str(PurePosixPath(slide).with_suffix("")) for slide in slides}
    # A name that keeps its ending may be another slide's name without one, so look again until nothing clashes.
    while clashing := _clashing(names):
        names.update({slide: slide for slide in clashing})
    return names


def _clashing(names: dict[str, str]) -> list[str]:
    """The slides named without their ending whose name another slide, or a plane of one, has as well."""
    owners = Counter(name.casefold() for name in names.values())  # some file systems don't tell case apart
    found = []
    for slide, name in names.items():
        stack = _NAME_OF_PLANE.fullmatch(name.casefold())
        if name != slide and (owners[name.casefold()] > 1 or (stack and stack[1] in owners)):
            found.append(slide)
    return found


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
    for place in {(out / item.name).parent.resolve() for item in planned}:
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
        with open_slide(project.folder / item.slide) as reader:
            if request.format == Format.TIFF:
                file = _write_tiff(project, request, item, reader)
            else:
                file = _write_plane(project, request, item, reader)
    except StudioError as error:
        return ExportOutcome(item.slide, None, str(error))
    return ExportOutcome(item.slide, file)


def _write_tiff(project: Project, request: ExportRequest, item: PlannedFile, reader: SlideReader) -> Path:
    file = request.out / f"{item.name}.tif"
    masks = _masks(project, reader, item.slide, item.planes)
    _write(project, request, file, masks, reader.info.pixel_size_um)
    return file


def _write_plane(project: Project, request: ExportRequest, item: PlannedFile, reader: SlideReader) -> Path:
    """Write the one plane of a planned PNG, a mask or an overlay."""
    (number,) = item.planes
    suffix = f"_p{number + 1:04d}" if reader.info.planes > 1 else ""
    file = request.out / f"{item.name}{suffix}.png"
    mask = _mask(project, reader, PlaneId(item.slide, number))
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


def _masks(project: Project, reader: SlideReader, slide: str, numbers: Sequence[int]) -> NDArray[np.uint8]:
    """The mask of a slide, (h, w), or (planes, h, w) for a stack, unlabelled in planes other than `numbers`."""
    info = reader.info
    if info.planes == 1 and list(numbers) == [0]:
        return _mask(project, reader, PlaneId(slide))
    masks = np.full((info.planes, info.height, info.width), UNLABELLED, np.uint8)
    for number in numbers:
        masks[number] = _mask(project, reader, PlaneId(slide, number))
    return masks


def _mask(project: Project, reader: SlideReader, plane: PlaneId) -> NDArray[np.uint8]:
    """The mask of one plane, (h, w); unlabelled where it has neither labels nor a proposal."""
    return _mask_in_parts(project, reader, plane)(reader.info.box())


def _mask_in_parts(project: Project, reader: SlideReader, plane: PlaneId) -> Callable[[Box], NDArray[np.uint8]]:
    """The mask of one plane, to be asked for box by box."""
    info = reader.info
    if plane.plane >= info.planes:
        raise SlideError(
            f"'{plane.slide}' had a plane {plane.plane + 1} and has {info.planes} now. "
            "Its labels are kept; put the original slide back to export it."
        )
    view = view_plane(project, plane, info.box().shape)
    if view.proposal is not None:
        return view.read
    if not view.labels.cells:
        raise SlideError(
            f"'{plane.slide}' changed after its mask was proposed, so that the mask no longer fits. Propose it again."
        )
    return view.labels.read


def _unlabelled(box: Box) -> NDArray[np.uint8]:
    return np.full(box.shape, UNLABELLED, np.uint8)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise StudioError(
            f"'{file}' is out of date and can't be removed ({error.strerror}). Close the program that has it open."
        ) from error
