"""Reproduce a published experiment: run its recipe on a data set and compare its score with the published one.

    uv run python training/reproduce.py tutorial-v2 --set architecture.width=8 --set schedule.rounds=10
    uv run python training/reproduce.py ade20k-128 --data ADEChallengeData2016 --classes wall,building,…

The last slides in order, the share that the recipe holds out or a fifth, are for early stopping and the score, as in
the tutorials; neighbours in a stack are near copies, so that a block at its end says more than slides chosen at random.
A recipe that looks at whole slides gets all of them at its own size first. What is written: OUT/NAME/sheet.png with
input, truth and prediction, OUT/NAME/curves.png, the model, and LOGS/reproduce-NAME.log, to which each run adds.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import cv2
import tifffile
from make_starters import ROOT, Log, import_or_exit

from unet_studio.core.classes import MAX_CLASSES, UNLABELLED, make_classes
from unet_studio.core.exchange.importing import import_pairs
from unet_studio.core.exchange.mask_values import ValueTable, parse_table, read_classes
from unet_studio.core.exchange.mask_writing import write_mask
from unet_studio.core.exchange.pairs import Pair, find_pairs
from unet_studio.core.models.cards import find_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.scores import Counts
from unet_studio.core.slides.opening import open_slide
from unet_studio.protocol.values import Retrained
from unet_studio.unet.pictures import compare_planes, write_pictures
from unet_studio.unet.recipes import Recipe, load_recipe
from unet_studio.unet.training.retraining import retrain

PUBLISHED = {
    "tutorial-v1": "pixel accuracy ≈ 0.70 on the validation slides",
    "tutorial-v2": "pixel accuracy ≈ 0.70 on the validation slides",
    "tutorial-v2-augmented": "pixel accuracy ≈ 0.85 on the validation slides",
    "paper-2015": "pixel error 0.061 (accuracy 0.939) on the hidden test sections",
}
IDENTITY = ValueTable(tuple((index, index) for index in (*range(MAX_CLASSES), UNLABELLED)))
DEFAULT_HOLD_OUT = 0.2


@dataclass(frozen=True, slots=True)
class Data:
    """Slides and masks, the names of the classes, and what the values in the masks mean."""

    folder: Path
    pairs: tuple[Pair, ...]
    classes: tuple[str, ...]
    foreground: str | None
    table: ValueTable | None


def resize_data(data: Data, side: int, folder: Path) -> Data:
    """A copy of the data in `folder`, each plane a slide of `side` × `side` pixels, classes without interpolation."""
    slides, pairs = folder / "slides", []
    for pair in data.pairs:
        masks = read_classes(pair.mask, classes=len(data.classes) + 1, foreground=data.foreground, table=data.table)
        with open_slide(data.folder / pair.slide) as reader:
            for number, mask in enumerate(masks):
                name = str(Path(pair.slide).with_suffix("")) + (f" {number}" if len(masks) > 1 else "")
                copy = Pair(f"{name}.tif", folder / "masks" / f"{name}.png")
                (slides / copy.slide).parent.mkdir(parents=True, exist_ok=True)
                pixels = cv2.resize(reader.read(number, reader.info.box()), (side, side), interpolation=cv2.INTER_AREA)
                tifffile.imwrite(slides / copy.slide, pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack")
                write_mask(copy.mask, cv2.resize(mask, (side, side), interpolation=cv2.INTER_NEAREST))
                pairs.append(copy)
    return Data(slides, tuple(pairs), data.classes, None, IDENTITY)


def last_slides(slides: Sequence[str], recipe: Recipe) -> list[str]:
    """The slides to hold out: the share that the recipe names, or a fifth, from the end, and at least one."""
    share = recipe.schedule.validation or DEFAULT_HOLD_OUT
    return list(slides[-max(1, round(share * len(slides))) :])


def reproduce(recipe: Recipe, data: Data, place: Path, out: Path, log: Log) -> tuple[Retrained, Counts]:
    """Train and judge; pictures and the model go to `out`."""
    with Project.open(data.folder, place=place) as project:
        project.set_classes(make_classes(*data.classes))
        import_or_exit(import_pairs(project, data.pairs, foreground=data.foreground, table=data.table))
        project.add_hold_out(last_slides([pair.slide for pair in data.pairs], recipe))
        retrained = retrain(project, None, recipe, log)
        card = find_model(retrained.model, project.place)
        kept_out = [plane for plane in project.labelled_planes() if plane.plane.slide in project.hold_out()]
        total = reduce(add, (compared.counts for compared in compare_planes(project, card, kept_out)))
        shutil.rmtree(out, ignore_errors=True)
        write_pictures(project, card, out)
        shutil.copytree(card.folder, out / "model")
    return retrained, total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="name of a recipe in training/recipes, or a file")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "isbi2012", help="the data set")
    parser.add_argument("--masks", type=Path, help="the folder of its masks, where that isn't clear")
    parser.add_argument("--classes", default="cell", help="names of the classes but background, with commas")
    parser.add_argument("--foreground", help="as for 'unet-studio import'")
    parser.add_argument("--meaning", default="", help="as for 'unet-studio import'")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "reproduced")
    parser.add_argument("--logs", type=Path, default=ROOT / "training" / "logs")
    parser.add_argument("--set", action="append", default=[], dest="changes", help="key=value on top of the recipe")
    options = parser.parse_args()
    recipe = load_recipe(options.recipe, options.changes)
    names = tuple(options.classes.split(","))
    table = parse_table(options.meaning, make_classes(*names)) if options.meaning else None
    data = Data(options.data, find_pairs(options.data, options.masks), names, options.foreground, table)
    log = Log(options.logs / f"reproduce-{recipe.name}.log", append=True)
    log.write(f"{recipe.name} on {len(data.pairs)} slides of {options.data.name} {' '.join(options.changes)}".rstrip())
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        if recipe.schedule.whole:
            data = resize_data(data, recipe.schedule.patch, Path(temporary) / "resized")
        retrained, counts = reproduce(recipe, data, Path(temporary) / "project", options.out / recipe.name, log)
    log.write(
        f"{recipe.name}, width {recipe.architecture.width}, {retrained.rounds} rounds, "
        f"{(time.monotonic() - started) / 60:.1f} minutes: pixel accuracy {counts.pixel_accuracy:.4f}, mean Dice "
        f"{counts.mean_dice:.4f}, mean IoU {counts.mean_iou:.4f} on the slides held out"
    )
    log.write(f"published: {PUBLISHED.get(recipe.name, 'no figure')}")


if __name__ == "__main__":
    main()
