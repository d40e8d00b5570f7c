"""Whether verdicts can be trusted: how often a model is called better that isn't, or is, and what intervals hold.

    uv run python training/verdicts.py [--draws 200] [--slides 300] [--json FILE]

Slides of discs are drawn, each of its own brightness, contrast, noise and dirt. A small network learns from six of
them; further ones are trained from it: one that learns nothing (a learning rate of next to nothing), one from shuffled
labels, one from labels inverted on half the slides, some that learn longer; and some that differ by their seed alone.
All propose the same pool of unseen slides. Hold-outs of 2, 5 and 20 slides are then drawn from the pool, again and
again, and the gate is asked what it says of each. The truth is the difference over the whole pool, and what is 2 Dice
points better are the two models that come nearest to it. The table is in training/README.md.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.masks.proposals import to_mask
from unet_studio.core.models.cards import ModelCard, find_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.gate import judge_model, pooled_dice
from unet_studio.core.scoring.judgement import Judgement, Verdict
from unet_studio.core.scoring.scores import count
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box, cells_over, tile_box
from unet_studio.protocol.values import NO_PROGRESS, ComparedTile, Comparison, Corrections, Retrained, Round
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.training.retraining import retrain
from unet_studio.unet.weights import load_network
from unet_studio.unet.whole_slides import predictor_of

SIDE = 512
CLASSES = ("background", "disc")
HELD_OUT = (2, 5, 20)
TAUGHT = 6

Labels = NDArray[np.uint8]
RECIPE = {
    "architecture": {"depth": 3, "width": 8},
    "augmentation": {"gamma": 0.4, "gain": 0.3},
    "schedule": {"rounds": 8, "steps": 60, "batch": 4, "patch": 128, "learning_rate": 2e-3, "warmup": 20, "ema": 0.95},
}


@dataclass(frozen=True, slots=True)
class Model:
    """A trained model: the confusion of each tile of each slide of the pool, what it says of slides that models learn
    from, and the labels that it learned."""

    pool: list[list[NDArray[np.int64]]]
    taught: list[Labels]
    labels: list[Labels]


@dataclass(frozen=True, slots=True)
class Row:
    """What the gate said of one kind of training with so many held-out slides: shares of the draws.

    `difference` is the Dice after less before over the whole pool, `adopted` by the rule that a project begins with,
    and `covered` how many of the intervals hold the difference.
    """

    training: str
    held_out: int
    difference: float
    better: float
    worse: float
    adopted: float
    covered: float


def draw_slide(seed: int) -> tuple[Labels, Labels]:
    """A slide of discs, 512 × 512 uint8, and its true classes."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((SIDE, SIDE), np.uint8)
    picture = np.full((SIDE, SIDE), rng.uniform(20, 60), np.float32)
    for number in range(int(rng.integers(25, 90))):
        centre = (int(rng.integers(SIDE)), int(rng.integers(SIDE)))
        if number % 6 == 0:  # dirt: smaller and brighter than a disc
            cv2.circle(picture, centre, int(rng.integers(2, 6)), float(rng.uniform(90, 220)), thickness=-1)
            continue
        radius = int(rng.integers(7, 20))
        cv2.circle(truth, centre, radius, 1, thickness=-1)
        cv2.circle(picture, centre, radius, float(picture[0, 0] + rng.uniform(15, 80)), thickness=-1)
    picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.8, 2.5)))
    picture += np.float32(rng.uniform(0, 40)) * np.linspace(0, 1, SIDE, dtype=np.float32)
    picture += rng.normal(0, rng.uniform(4, 22), picture.shape).astype(np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8), truth


def label(project: Project, slide: str, labels: Labels) -> None:
    box = Box.of_shape(labels.shape)
    before = project.labels(PlaneId(slide), box.shape).read(box)
    edit = make_edit(
        PlaneId(slide), box, before, labels, "true mask",
        state_before=PlaneState.NEW if (before == UNLABELLED).all() else PlaneState.REVIEWED,
        state_after=PlaneState.REVIEWED,
    )  # fmt: skip
    if edit is not None:
        project.record(project.next_edit_id(), edit, box.shape)


def propose(card: ModelCard, folder: Path, slides: Iterable[str]) -> Iterator[Labels]:
    predictor, box = predictor_of(card, load_network(card)), Box(0, 0, SIDE, SIDE)
    for slide in slides:
        with open_slide(folder / slide) as reader:
            yield to_mask(predictor.probabilities(card.normalisation.reading(reader, 0)(box)))


def count_tiles(truth: Labels, mask: Labels) -> list[NDArray[np.int64]]:
    cells = [tile_box(cell).slices for cell in cells_over(Box.of_shape(truth.shape))]
    return [count(truth[cell], mask[cell], len(CLASSES)).confusion for cell in cells]


def compare(old: Model, new: Model, slides: Iterable[int]) -> Comparison:
    """The comparison of two models on these slides of the pool, and on those that the new one learned from."""

    def tiles(number: int, before: list[NDArray[np.int64]], after: list[NDArray[np.int64]]) -> Iterator[ComparedTile]:
        for one, other in zip(before, after, strict=True):
            yield ComparedTile(f"{number}.png", one.tolist(), other.tolist())

    judged = [tile for number in slides for tile in tiles(number, old.pool[number], new.pool[number])]
    learned = [
        tile
        for number, labels in enumerate(new.labels)
        for tile in tiles(number, count_tiles(labels, old.taught[number]), count_tiles(labels, new.taught[number]))
    ]
    none, nothing = ((0, 0), (0, 0)), Corrections(0, 0, 0, 0)
    return Comparison("old", judged, 0, (), nothing, nothing, nothing, learned, none, none, 0, 0)


def judge(comparison: Comparison) -> Judgement:
    rounds = (Round(0, 1, 0.5, 0.5, 0.0, kept=True), Round(1, 1, 0.5, 0.5, 1.0, kept=True))
    retrained = Retrained("new", "old", CLASSES, 1, rounds, comparison)
    return judge_model(retrained, classes=CLASSES, rival="old")


def difference(old: Model, new: Model) -> float:
    """Dice after less before over the whole pool."""
    before, after = pooled_dice(compare(old, new, range(len(old.pool))).judged)
    return after - before


def draw_verdicts(name: str, pairs: Sequence[tuple[Model, Model]], held_out: int, draws: int) -> Row:
    """Draw hold-outs from the pool; of several pairs of models each is as often compared as the others."""
    found, covered, truths = [], 0, [difference(*pair) for pair in pairs]
    rng = np.random.default_rng(held_out)
    for number in range(draws):
        (old, new), truth = pairs[number % len(pairs)], truths[number % len(pairs)]
        chosen = sorted(int(slide) for slide in rng.choice(len(old.pool), held_out, replace=False))
        judgement = judge(compare(old, new, chosen))
        found.append(judgement)
        covered += judgement.difference.low <= truth <= judgement.difference.high
    better, worse = (sum(judgement.verdict is kind for judgement in found) for kind in (Verdict.BETTER, Verdict.WORSE))
    adopted = sum(judgement.is_adopted for judgement in found)
    return Row(name, held_out, float(np.mean(truths)), *(part / draws for part in (better, worse, adopted, covered)))


class Trainings:
    """Trains on the same slides again and again, from the base model or from scratch, and scores each model."""

    def __init__(self, project: Project, taught: dict[str, Labels], pool: dict[str, Labels]) -> None:
        self._project = project
        self._taught = taught
        self._pool = pool
        self._started = time.monotonic()
        self.models: dict[str, Model] = {}
        self._base = self.train("base")

    def train(
        self,
        name: str,
        labelled_as: Callable[[int, Labels], Labels] = lambda _, truth: truth,
        *,
        from_base: bool = False,
        seed: int = 0,
        **schedule: float,
    ) -> ModelCard:
        labels = [labelled_as(number, truth) for number, truth in enumerate(self._taught.values())]
        for slide, of_slide in zip(self._taught, labels, strict=True):
            label(self._project, slide, of_slide)
        recipe = Recipe.from_dict({"name": "verdicts", "seed": seed, **RECIPE})
        recipe = replace(recipe, schedule=replace(recipe.schedule, **schedule))
        retrained = retrain(self._project, self._base if from_base else None, recipe, NO_PROGRESS)
        card, folder = find_model(retrained.model, self._project.place), self._project.folder
        masks = propose(card, folder, self._pool)
        pool = [count_tiles(truth, mask) for truth, mask in zip(self._pool.values(), masks, strict=True)]
        self.models[name] = Model(pool, list(propose(card, folder, self._taught)), labels)
        dice = pooled_dice(compare(self.models[name], self.models[name], range(len(pool))).judged)[0]
        print(f"{name:12} Dice {dice:.4f} on {len(pool)} slides  {time.monotonic() - self._started:5.0f} s", flush=True)
        return card


def train_models(folder: Path, slides: int) -> dict[str, Model]:
    """Draw the slides, train the models, and score them on all slides that none of them learned from."""
    truths = {}
    for seed in range(TAUGHT + slides):
        picture, truths[f"{seed:04d}.png"] = draw_slide(seed)
        cv2.imwrite(str(folder / f"{seed:04d}.png"), picture)
    taught = dict(list(truths.items())[:TAUGHT])
    others = list(taught.values())
    with Project.open(folder) as project:
        project.set_classes(make_classes("disc"))
        trainings = Trainings(project, taught, {name: truth for name, truth in truths.items() if name not in taught})
        trainings.train("nothing", from_base=True, learning_rate=1e-9, rounds=1)
        trainings.train("shuffled", lambda number, _: others[(number + 1) % len(others)], from_base=True)
        trainings.train("inverted", lambda number, truth: 1 - truth if number % 2 else truth, from_base=True)
        for seed in (1, 2, 3, 4):
            trainings.train(f"seed {seed}", seed=seed)
        for rounds in (1, 2, 4, 8):
            trainings.train(f"longer {rounds}", from_base=True, rounds=rounds)
    return trainings.models


def with_inverted_pool(model: Model) -> Model:
    """The same model against labels that are inverted on every other slide of the pool."""
    pool = [[tile[::-1] if number % 2 else tile for tile in slide] for number, slide in enumerate(model.pool)]
    return replace(model, pool=pool)


def measure(models: dict[str, Model], draws: int) -> list[Row]:
    seeds = [model for name, model in models.items() if name.startswith("seed")]
    pairs = [(old, new) for old in models for new in models if old != new]
    old, new = min(pairs, key=lambda pair: abs(difference(models[pair[0]], models[pair[1]]) - 0.02))
    base, poisoned = models["base"], models["inverted"]
    kinds = {
        "learns nothing (rate 1e-9)": [(base, models["nothing"])],
        "no better, another seed": [(a, b) for a in seeds for b in seeds if a is not b and difference(a, b) <= 0],
        "shuffled labels": [(base, models["shuffled"])],
        "inverted on half": [(base, poisoned)],
        "the same, hold-out too": [(with_inverted_pool(base), with_inverted_pool(poisoned))],
        f"better ({old} to {new})": [(models[old], models[new])],
        "both directions of it": [(models[a], models[b]) for a, b in ((old, new), (new, old))],
    }
    return [draw_verdicts(name, pairs, held_out, draws) for name, pairs in kinds.items() for held_out in HELD_OUT]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200, help="hold-outs of each size")
    parser.add_argument("--slides", type=int, default=300, help="unseen slides to draw them from")
    parser.add_argument("--json", type=Path, help="write the rows here as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        models = train_models(Path(name), options.slides)
    rows = measure(models, options.draws)
    print(f"{'training':32} {'held out':>8} {'Dice':>8} {'better':>7} {'worse':>7} {'adopted':>7} {'covered':>8}")
    for row in rows:
        print(
            f"{row.training:32} {row.held_out:8d} {row.difference:+8.4f} {row.better:7.3f} {row.worse:7.3f} "
            f"{row.adopted:7.3f} {row.covered:8.3f}"
        )
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
