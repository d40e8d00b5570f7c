"""Train the recipe `isbi` on sections of the ISBI 2012 stack, and judge it on sections that it never saw.

    uv run python training/isbi.py                                # trains on 00-17, judges on 18-23
    uv run python training/isbi.py --train 0-23 --judge FOLDER    # FOLDER/images and FOLDER/masks hold the unseen ones

The sections are neighbours in one block of tissue and much alike, so that only a split by blocks says anything. The
membranes are background and the cells one class. Each unseen section is proposed with flips; judged are its pixels at
threshold 0.5, and its cells: the components of the mask as it is, and after the recipe's own clean-up, by V-Rand.
"""

import argparse
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from make_starters import ROOT, Log, import_or_exit
from numpy.typing import NDArray

from unet_studio.core.classes import make_classes
from unet_studio.core.cleaning.instances import instances, thin_borders
from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.core.exchange.importing import import_pairs
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.exchange.mask_values import to_classes
from unet_studio.core.exchange.pairs import paired
from unet_studio.core.masks.mask_view import cleaned_mask
from unet_studio.core.models.cards import ModelCard, find_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.scores import count, rand_score
from unet_studio.core.slides.opening import open_slide
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import load_recipe
from unet_studio.unet.training.retraining import retrain
from unet_studio.unet.weights import architecture_of, load_network

CELL = "255"
"""The value of a cell in the masks; membranes are 0."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The scores of one section."""

    section: str
    pixel_accuracy: float
    cleaned_pixel_accuracy: float
    thresholded_v_rand: float
    v_rand: float
    """Of the mask's components, where what is no cell counts as one instance."""
    thinned_v_rand: float
    """After border thinning, as in the challenge."""


def train(sections: list[Path], masks: Path, changes: list[str], log: Log, out: Path) -> ModelCard:
    """Train on `sections` alone; the model goes to `out`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "slides"
        folder.mkdir()
        for section in sections:
            shutil.copy(section, folder)
        with Project.open(folder) as project:
            project.set_classes(make_classes("cell"))
            import_or_exit(import_pairs(project, paired(project.folder, masks).pairs, foreground=CELL))
            retrained = retrain(project, None, load_recipe("isbi", changes), log, channels=1)
            card = find_model(retrained.model, project.place)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(card.folder, out)
    card = replace(card, id=out.name, title="Cells between membranes, serial-section EM").moved_to(out)
    card.write()
    return card


def judge(card: ModelCard, sections: list[Path], masks: Path) -> list[Judged]:
    predictor = Predictor(load_network(card), architecture_of(card), flips=True)
    judged = []
    for section in sections:
        with open_slide(section) as reader:
            pixels = card.normalisation.reading(reader, 0)(reader.info.box())
        truth = to_classes(read_mask(masks / section.name), classes=2, foreground=CELL)
        judged.append(judge_section(section.stem, truth, predictor.probabilities(pixels), str(card.recipe["clean_up"])))
    return judged


def judge_section(section: str, truth: NDArray[np.uint8], probabilities: NDArray[np.uint8], clean_up: str) -> Judged:
    plain = cleaned_mask(probabilities, 0.5, ())
    cleaned = cleaned_mask(probabilities, 0.5, parse_steps(clean_up))
    cells = instances(truth)
    return Judged(
        section,
        count(truth, plain, 2).pixel_accuracy,
        count(truth, cleaned, 2).pixel_accuracy,
        rand_score(cells, thin_borders(instances(plain))),
        rand_score(cells, instances(cleaned)),
        rand_score(cells, thin_borders(instances(cleaned))),
    )


def table(judged: list[Judged]) -> str:
    """As Markdown, a row for each section and their means."""
    numbers = np.array(
        [
            (one.pixel_accuracy, one.cleaned_pixel_accuracy, one.thresholded_v_rand, one.v_rand, one.thinned_v_rand)
            for one in judged
        ]
    )
    rows = [
        "| section | pixel accuracy | after clean-up | V-Rand, thinned, no clean-up | V-Rand | V-Rand, thinned |",
        "|---|---|---|---|---|---|",
    ]
    for name, values in zip([*(one.section for one in judged), "mean"], [*numbers, numbers.mean(axis=0)], strict=True):
        rows.append(f"| {name} | " + " | ".join(f"{value:.4f}" for value in values) + " |")
    return "\n".join(rows)


def sections_of(folder: Path, wanted: str) -> list[Path]:
    """The sections `first-last`, or all of them."""
    found = sorted((folder / "images").glob("*.png"))
    if not wanted:
        return found
    first, last = map(int, wanted.split("-"))
    return [section for section in found if first <= int(section.stem) <= last]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "isbi2012")
    parser.add_argument("--train", default="0-17", help="first and last section to train on")
    parser.add_argument("--unseen", default="18-23", help="first and last section to judge on")
    parser.add_argument("--judge", type=Path, help="a folder with images and masks of other sections to judge on")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "isbi", help="where the model goes")
    parser.add_argument("--logs", type=Path, default=ROOT / "training" / "logs")
    parser.add_argument("--set", action="append", default=[], dest="changes", help="key=value on top of the recipe")
    options = parser.parse_args()
    sections = sections_of(options.data, options.train)
    unseen = sections_of(options.judge, "") if options.judge else sections_of(options.data, options.unseen)
    if not options.judge and not set(sections).isdisjoint(unseen):
        raise SystemExit("A section can't be trained on and judged; choose other sections for --train or --unseen.")
    log = Log(options.logs / "isbi.log")
    log.write(f"isbi: {len(sections)} sections to train on, {len(unseen)} unseen")
    started = time.monotonic()
    card = train(sections, options.data / "masks", options.changes, log, options.out)
    log.write(f"trained in {(time.monotonic() - started) / 60:.1f} minutes")
    log.write(table(judge(card, unseen, (options.judge or options.data) / "masks")))


if __name__ == "__main__":
    main()
