"""Cross-validation: train on all slides but one group, score that group, until every slide was scored once.

    uv run python training/folds.py cracks       # three classes, one of 0.2 %; leaves out one slide at a time
    uv run python training/folds.py satellite    # six classes; leaves out one tile of the map at a time

No slide is held out to choose the best round, so that no scored slide has any influence on the training. The scores are
pooled over the pixels of all slides, at an even threshold and without clean-up.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

from make_starters import ROOT, Log, import_or_exit

from unet_studio.core.classes import make_classes
from unet_studio.core.exchange.importing import import_pairs
from unet_studio.core.exchange.mask_values import parse_table
from unet_studio.core.exchange.pairs import Pair, find_pairs
from unet_studio.core.models.cards import find_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.scores import Counts
from unet_studio.unet.pictures import compare_planes
from unet_studio.unet.recipes import Recipe, load_recipe
from unet_studio.unet.training.retraining import retrain


@dataclass(frozen=True, slots=True)
class Task:
    """A data set: its folder, the classes but background, what the values in its masks mean, and the groups of slides
    that are judged together: those whose names begin alike, up to `group`."""

    folder: str
    classes: tuple[str, ...]
    meaning: str
    group: str
    changes: tuple[str, ...]


# A layer under a coating, hardly darker than what is below: only weak rotations and intensity changes keep it visible.
_CRACKS_CHANGES = (
    "augmentation.rotate=15", "augmentation.scale_low=0.7", "augmentation.scale_high=1.4", "augmentation.gamma=0.2",
    "augmentation.gain=0.2", "augmentation.gradient=0.05", "augmentation.noise=0.05", "architecture.depth=5",
    "schedule.batch=2",
)  # fmt: skip

# Roads and houses have a typical width and colour, so that scale and colour change little; without batch normalisation
# hardly more than land and water was learned in as many steps.
_SATELLITE_CHANGES = (
    "augmentation.colour=0.1", "augmentation.scale_low=0.8", "augmentation.scale_high=1.25", "augmentation.gain=0.1",
    "augmentation.gamma=0.2", "augmentation.gradient=0.1", "architecture.normalisation=batch",
)  # fmt: skip

TASKS = {
    "cracks": Task(
        "ebc_sem_dev", ("oxide", "crack"), "0=background,1=oxide,2=crack", ".tif", _CRACKS_CHANGES,
    ),
    "satellite": Task(
        "dubai_dev", ("building", "land", "road", "vegetation", "water"),
        "0=unlabelled,1=building,2=land,3=road,4=vegetation,5=water", "_", _SATELLITE_CHANGES,
    ),
}  # fmt: skip


def label(project: Project, task: Task, pairs: Sequence[Pair]) -> None:
    classes = make_classes(*task.classes)
    project.set_classes(classes)
    import_or_exit(import_pairs(project, pairs, table=parse_table(task.meaning, classes)))


def judge_unseen(
    task: Task, data: Path, seen: Sequence[Pair], unseen: Sequence[Pair], recipe: Recipe, log: Log
) -> Counts:
    """Train on `seen`, judge on `unseen`."""
    with tempfile.TemporaryDirectory() as temporary:
        with Project.open(data, place=Path(temporary) / "seen") as project:
            label(project, task, seen)
            card = find_model(retrain(project, None, recipe, log).model, project.place)
        with Project.open(data, place=Path(temporary) / "unseen") as project:
            label(project, task, unseen)
            return reduce(add, (one.counts for one in compare_planes(project, card, project.labelled_planes())))


def describe(task: Task, counts: Counts) -> str:
    dice = ", ".join(f"{name} {counts.dice(index):.4f}" for index, name in enumerate(task.classes, start=1))
    return (
        f"pixel accuracy {counts.pixel_accuracy:.4f}, mean IoU {counts.mean_iou:.4f}, "
        f"mean Dice {counts.mean_dice:.4f}; Dice: {dice}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--recipe", default="starter")
    parser.add_argument("--logs", type=Path, default=ROOT / "training" / "logs")
    parser.add_argument("--set", action="append", default=[], dest="changes", help="key=value on top of the recipe")
    options = parser.parse_args()
    task = TASKS[options.task]
    data = options.data / task.folder
    recipe = load_recipe(options.recipe, [*task.changes, *options.changes])
    pairs = find_pairs(data / "images", data / "masks")
    log = Log(options.logs / f"folds-{options.task}.log")
    totals = []
    for group in sorted({Path(pair.slide).name.split(task.group)[0] for pair in pairs}):
        unseen = [pair for pair in pairs if Path(pair.slide).name.startswith(group)]
        seen = [pair for pair in pairs if pair not in unseen]
        log.write(f"{group}: trained on {len(seen)} slides, judged on {len(unseen)}")
        started = time.monotonic()
        totals.append(judge_unseen(task, data / "images", seen, unseen, recipe, log))
        log.write(f"{group}, {(time.monotonic() - started) / 60:.1f} minutes: {describe(task, totals[-1])}")
    log.write(f"all: {describe(task, reduce(add, totals))}")


if __name__ == "__main__":
    main()
