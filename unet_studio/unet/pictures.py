"""Pictures of a model: a sheet of its proposals beside the truth, and its training curves."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.figures.charts import Series, line_chart
from unet_studio.core.figures.sheets import SheetRow, draw_sheet
from unet_studio.core.files import write_atomically
from unet_studio.core.masks.mask_view import cleaned_mask
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_labels import LabelledPlane
from unet_studio.core.scoring.next_plane import evenly_spaced
from unet_studio.core.scoring.scores import Counts, count
from unet_studio.core.slides.finding import slide_file
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box, tile_box
from unet_studio.errors import ModelError, StudioError
from unet_studio.unet.weights import load_network
from unet_studio.unet.whole_slides import predictor_of

_ROWS = 6
_SIDE = 512


@dataclass(frozen=True, slots=True, eq=False)
class ComparedPlane:
    """A labelled plane, or a part of it, with what a model says of it; `counts` are of its labelled pixels."""

    row: SheetRow
    counts: Counts


def write_pictures(project: Project, card: ModelCard, out: Path) -> tuple[Path, Path]:
    """Write sheet.png, of up to six labelled planes, and curves.png into `out`, and return their paths.

    The planes are those of the hold-out, or all where none of it is labelled. Raises StudioError where nothing is
    labelled, ModelError where the model has no history, and where a file can't be read or written.
    """
    card.check_fits(project.classes())
    labelled = project.labelled_planes()
    kept_out = [plane for plane in labelled if plane.plane.slide in project.hold_out()]
    chosen = evenly_spaced(kept_out or labelled, _ROWS)
    if not chosen:
        raise StudioError("Nothing is labelled yet, so there is no truth to compare with. Label a slide, or import.")
    curves = draw_curves(card)
    rows = [compared.row for compared in compare_planes(project, card, chosen, side=_SIDE)]
    sheet = draw_sheet(rows, card.classes)
    return _write(out / "sheet.png", sheet), _write(out / "curves.png", curves)


def compare_planes(
    project: Project, card: ModelCard, planes: Sequence[LabelledPlane], *, side: int = 0
) -> Iterator[ComparedPlane]:
    """What a model says of labelled planes, after the clean-up of its recipe, beside their labels.

    With `side`, of a plane that is larger only so many pixels each way around the tile with most labels.
    """
    predictor = predictor_of(card, load_network(card))
    steps = parse_steps(str(card.recipe.get("clean_up", "")))
    for plane in planes:
        box = _window(plane, side)
        with open_slide(slide_file(project.folder, plane.plane.slide)) as reader:
            read = card.normalisation.reading(reader, plane.plane.plane)
            pixels, probabilities = read(box), predictor.region(read, plane.shape, box)
        prediction = cleaned_mask(probabilities, 0.5, steps)
        truth = project.labels(plane.plane, plane.shape).read(box)
        counts = count(truth, prediction, len(card.classes))
        name = f"{plane.plane.slide}: pixel accuracy {counts.pixel_accuracy:.3f}, Dice {counts.mean_dice:.3f}"
        yield ComparedPlane(SheetRow(name, _as_rgb(pixels), truth, prediction), counts)


def draw_curves(card: ModelCard) -> NDArray[np.uint8]:
    """The loss and the Dice by round, one chart above the other, (h, w, 3) RGB."""
    try:
        with (card.folder / "history.csv").open(newline="", encoding="utf-8") as stream:
            rounds = list(csv.DictReader(stream))
        score = "dice" if "dice" in rounds[0] else "hold_out_dice"  # of models of earlier versions
        loss, dice = (tuple((float(row["round"]), float(row[column])) for row in rounds) for column in ("loss", score))
    except (OSError, LookupError, ValueError) as error:
        raise ModelError(f"The model '{card.title}' has no history that can be read, so it has no curves.") from error
    charts = [
        line_chart([Series("loss", loss)], title=card.title, x_title="round", y_title="loss"),
        line_chart([Series("Dice", dice)], title="", x_title="round", y_title="Dice"),
    ]
    return np.concatenate(charts)


def _window(plane: LabelledPlane, side: int) -> Box:
    height, width = plane.shape
    if not side:
        return Box(0, 0, height, width)
    most = tile_box(max(plane.cells, key=lambda cell: plane.cells[cell]))
    rows, columns = min(side, height), min(side, width)
    y = min(max(0, (most.y0 + most.y1 - rows) // 2), height - rows)
    x = min(max(0, (most.x0 + most.x1 - columns) // 2), width - columns)
    return Box(y, x, y + rows, x + columns)


def _as_rgb(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Network input (h, w, channels) as a picture: three channels in colour, else the first in grey."""
    levels = np.clip(pixels * 255, 0, 255).astype(np.uint8)
    return levels if levels.shape[2] == 3 else np.repeat(levels[..., :1], 3, axis=2)


def _write(file: Path, picture: NDArray[np.uint8]) -> Path:
    write_atomically(file, cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    return file
