"""Three classes on slides of two channels, of 16 and 12 bits and floats, from the first stroke to the exported mask."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import tomli_w
from numpy.typing import NDArray
from typer.testing import CliRunner

from unet_studio.cli.app import app
from unet_studio.core.classes import make_classes
from unet_studio.core.editing.strokes import Stroke
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.models.cards import read_card
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.scores import count
from unet_studio.unet.recipes import Architecture, Recipe, Schedule

SIDE, CELL = 128, 32
CLASSES = make_classes("nucleus", "body", "fibre")
BRIGHT_IN = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
"""Which of the two channels each class, background first, is bright in."""
LABELLED, UNSEEN = ("sixteen.tif", "twelve.tif", "float.tif"), ("twelve-unseen.tif", "float-unseen.tif")


def centres(seed: int) -> list[tuple[int, int, int]]:
    """A class and its place (y, x) for each cell of the slide, every class, background too, in four of sixteen."""
    classes = np.random.default_rng(seed).permutation(np.repeat(np.arange(4), 4))
    places = [(y, x) for y in range(CELL // 2, SIDE, CELL) for x in range(CELL // 2, SIDE, CELL)]
    return [(int(index), y, x) for index, (y, x) in zip(classes, places, strict=True)]


def draw(seed: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Discs on a dark ground: intensities (h, w, 2), 0…1, and the true classes (h, w)."""
    truth = np.zeros((SIDE, SIDE), np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE]
    for index, cy, cx in centres(seed):
        truth[np.hypot(y - cy, x - cx) <= 12] = index
    noise = np.random.default_rng(seed + 100).normal(0, 0.05, (SIDE, SIDE, 2))
    return np.clip(0.1 + 0.8 * BRIGHT_IN[truth] + noise, 0, 1), truth


def write(file: Path, pixels: NDArray[np.generic]) -> None:
    tifffile.imwrite(file, pixels, photometric="minisblack", planarconfig="contig")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Slides of the same tissue from five microscopes: other bit depths, offsets, and shares of the two channels."""
    folder = tmp_path / "slides"
    folder.mkdir()
    light = [draw(seed)[0] for seed in range(5)]
    write(folder / "sixteen.tif", (light[0] * (60_000, 6_000)).astype(np.uint16))
    write(folder / "twelve.tif", (200 + light[1] * (1_000, 3_800)).astype(np.uint16))
    broken = (light[2] * (1.0, 0.5)).astype(np.float32)
    broken[0, 0] = np.nan
    write(folder / "float.tif", broken)
    hot = (light[3] * (3_000, 1_500)).astype(np.uint16)
    hot[5, 5] = 65_535
    write(folder / "twelve-unseen.tif", hot)
    write(folder / "float-unseen.tif", (light[4] * (20_000, 90_000) - 5_000).astype(np.float32))
    return folder


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    schedule = Schedule(rounds=3, steps=25, batch=8, patch=48, learning_rate=1e-2, warmup=5, ema=0.8)
    recipe = Recipe("small", architecture=Architecture(depth=2, width=8), schedule=schedule)
    file = tmp_path / "small.toml"
    file.write_text(tomli_w.dumps(recipe.as_dict()), encoding="utf-8")
    return file


def stroke(project: Project, slide: str, value: int, start: tuple[int, int], end: tuple[int, int]) -> None:
    """A stroke of a class from one pixel (y, x) to another, as the brush makes it."""
    plane, shape = PlaneId(slide), (SIDE, SIDE)
    under_way = Stroke(project.labels(plane, shape), plane, value=value, radius=2.0)
    under_way.extend(start)
    under_way.extend(end)
    edit = under_way.finish(f"brush {value}", state=project.states().get(plane, PlaneState.NEW))
    assert edit is not None
    project.record(project.next_edit_id(), edit, shape)


def run(*arguments: object) -> None:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


def test_strokes_in_three_classes_teach_a_network_that_reads_every_depth(
    folder: Path, recipe_file: Path, tmp_path: Path
) -> None:
    with Project.open(folder) as project:
        project.set_classes(CLASSES)
        for seed, slide in enumerate(LABELLED):
            for index, (y, x) in {index: (y, x) for index, y, x in centres(seed)}.items():
                stroke(project, slide, index, (y, x - 8), (y, x + 8))
            stroke(project, slide, 0, (8, 2 * CELL), (SIDE - 8, 2 * CELL))
        place = project.place

    run("retrain", folder, "--recipe", recipe_file, "--from-scratch")
    card = read_card(place / "models" / "retrained-001")
    assert [c.name for c in card.classes] == ["background", "nucleus", "body", "fibre"]
    assert card.normalisation.channels == 2

    run("propose", folder, "--model", card.folder)
    run("export", folder, "--out", tmp_path / "masks", "--state", "any")
    for seed, slide in enumerate((*LABELLED, *UNSEEN)):
        counts = count(draw(seed)[1], read_mask(tmp_path / "masks" / f"{Path(slide).stem}.png"), len(CLASSES))
        for index in range(1, len(CLASSES)):
            assert counts.dice(index) > 0.8, f"{CLASSES[index].name} on {slide}"
