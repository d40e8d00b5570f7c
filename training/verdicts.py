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
from collections import Counter
from collections.abc import Callable, Sequence
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
from unet_studio.core.scoring.judgement import Judgement, TooClose, Verdict
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
Scores = list[list[NDArray[np.int64]]]
"""The confusion of each tile of each slide of the pool."""

RECIPE = {
    "architecture": {"depth": 3, "width": 8},
    "augmentation": {"gamma": 0.4, "gain": 0.3},
    "schedule": {"rounds": 8, "steps": 60, "batch": 4, "patch": 128, "learning_rate": 2e-3, "warmup": 20, "ema": 0.95},
}


@dataclass(frozen=True, slots=True)
class Row:
    """What the gate said of one kind of training with so many held-out slides."""

    training: str
    held_out: int
    difference: float
    """Dice after less before, over the whole pool."""
    better: float
    worse: float
    adopted: float
    """Shares of the draws; adopted by the rule that a project begins with."""
    covered: float
    """Share of the intervals that hold the difference over the whole pool."""


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


def score(card: ModelCard, folder: Path, truths: dict[str, Labels]) -> Scores:
    """Propose every slide of the pool and count by tile."""
    predictor, found = predictor_of(card, load_network(card)), []
    for slide, truth in truths.items():
        box = Box.of_shape(truth.shape)
        with open_slide(folder / slide) as reader:
            mask = to_mask(predictor.probabilities(card.normalisation.reading(reader, 0)(box)))
        cells = [tile_box(cell).slices for cell in cells_over(box)]
        found.append([count(truth[cell], mask[cell], len(CLASSES)).confusion for cell in cells])
    return found


def compare(before: Scores, after: Scores, slides: Sequence[int]) -> Comparison:
    """The comparison of two models on these slides of the pool."""
    tiles = [
        ComparedTile(f"{slide}.png", old.tolist(), new.tolist())
        for slide in slides
        for old, new in zip(before[slide], after[slide], strict=True)
    ]
    none = ((0, 0), (0, 0))
    nothing = Corrections(0, 0, 0, 0)
    return Comparison("old", tiles, 0, (), nothing, nothing, nothing, none, none, none, 0, 0)


def judge(comparison: Comparison) -> Judgement:
    rounds = (Round(0, 1, 0.5, 0.5, 0.0, kept=True), Round(1, 1, 0.5, 0.5, 1.0, kept=True))
    retrained = Retrained("new", "old", CLASSES, 1, rounds, comparison)
    return judge_model(retrained, classes=CLASSES, rival="old", rule=TooClose.NEVER)


def difference(before: Scores, after: Scores, slides: Sequence[int]) -> float:
    old, new = pooled_dice(compare(before, after, slides).judged)
    return new - old


def draw_verdicts(name: str, pairs: Sequence[tuple[Scores, Scores]], held_out: int, draws: int) -> Row:
    """Draw hold-outs from the pool; of several pairs of models each is as often compared as the others."""
    said: Counter[Verdict] = Counter()
    covered, truths = 0, [difference(*pair, range(len(pair[0]))) for pair in pairs]
    rng = np.random.default_rng(held_out)
    for number in range(draws):
        pair, truth = pairs[number % len(pairs)], truths[number % len(pairs)]
        chosen = sorted(int(slide) for slide in rng.choice(len(pair[0]), held_out, replace=False))
        judgement = judge(compare(*pair, chosen))
        said[judgement.verdict] += 1
        covered += judgement.difference.low <= truth <= judgement.difference.high
    better, worse = said[Verdict.BETTER] / draws, said[Verdict.WORSE] / draws
    return Row(name, held_out, float(np.mean(truths)), better, worse, better, covered / draws)


class Trainings:
    """Trains on some slides of a folder, from the base model or from scratch."""

    def __init__(self, project: Project, truths: dict[str, Labels]) -> None:
        self._project = project
        self._truths = truths
        self.base = self.train(None)

    def train(
        self,
        start: ModelCard | None,
        *,
        labelled_as: Callable[[int, Labels], Labels] = lambda _, truth: truth,
        seed: int = 0,
        **schedule: float,
    ) -> ModelCard:
        for number, (slide, truth) in enumerate(self._truths.items()):
            label(self._project, slide, labelled_as(number, truth))
        recipe = Recipe.from_dict({"name": "verdicts", "seed": seed, **RECIPE})
        recipe = replace(recipe, schedule=replace(recipe.schedule, **schedule))
        return find_model(retrain(self._project, start, recipe, NO_PROGRESS).model, self._project.place)


def make_pool(folder: Path, slides: int) -> dict[str, Scores]:
    """Draw the slides, train the models, and score them on all slides that none of them learned from."""
    names = {f"{seed:04d}.png": draw_slide(seed) for seed in range(TAUGHT + slides)}
    for name, (picture, _) in names.items():
        cv2.imwrite(str(folder / name), picture)
    truths = {name: truth for name, (_, truth) in names.items()}
    taught = dict(list(truths.items())[:TAUGHT])
    pool = {name: truth for name, truth in truths.items() if name not in taught}
    with Project.open(folder) as project:
        project.set_classes(make_classes("disc"))
        trainings = Trainings(project, taught)
        base, others = trainings.base, list(taught.values())
        models = {
            "base": base,
            "nothing": trainings.train(base, learning_rate=1e-9, rounds=1),
            "shuffled": trainings.train(base, labelled_as=lambda number, _: others[(number + 1) % len(others)]),
            "poisoned": trainings.train(base, labelled_as=lambda number, truth: 1 - truth if number % 2 else truth),
            **{f"seed {seed}": trainings.train(None, seed=seed) for seed in (1, 2, 3, 4)},
            **{
                f"longer {rounds}": trainings.train(base, rounds=rounds, learning_rate=1e-3)
                for rounds in (1, 2, 4, 8, 16)
            },
        }
        started, scores = time.monotonic(), {}
        for name, card in models.items():
            scores[name] = score(card, folder, pool)
            dice = pooled_dice(compare(scores[name], scores[name], range(len(pool))).judged)[0]
            print(f"{name:12} Dice {dice:.4f} on {len(pool)} slides  {time.monotonic() - started:5.0f} s", flush=True)
    return scores


def inverted(scores: Scores) -> Scores:
    """The same proposals against labels that are inverted on every other slide of the pool."""
    return [[tile[::-1] if number % 2 else tile for tile in slide] for number, slide in enumerate(scores)]


def nearest(scores: dict[str, Scores], wanted: float) -> tuple[str, str]:
    """Of all pairs of models the one whose difference over the whole pool comes nearest."""
    slides = range(len(scores["base"]))
    pairs = [(old, new) for old in scores for new in scores if old != new]
    return min(pairs, key=lambda pair: abs(difference(scores[pair[0]], scores[pair[1]], slides) - wanted))


def measure(scores: dict[str, Scores], draws: int) -> list[Row]:
    slides = range(len(scores["base"]))
    seeds = [name for name in scores if name.startswith("seed")]
    no_better = [
        (scores[old], scores[new])
        for old in seeds
        for new in seeds
        if old != new and difference(scores[old], scores[new], slides) <= 0
    ]
    old, new = nearest(scores, 0.02)
    base = scores["base"]
    kinds = {
        "learns nothing (rate 1e-9)": [(base, scores["nothing"])],
        "no better, another seed": no_better,
        "shuffled labels": [(base, scores["shuffled"])],
        "inverted on half": [(base, scores["poisoned"])],
        "the same, hold-out too": [(inverted(base), inverted(scores["poisoned"]))],
        f"better ({old} to {new})": [(scores[old], scores[new])],
        "both directions": [(scores[a], scores[b]) for a, b in ((old, new), (new, old))],
    }
    return [draw_verdicts(name, pairs, held_out, draws) for name, pairs in kinds.items() for held_out in HELD_OUT]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200, help="hold-outs of each size")
    parser.add_argument("--slides", type=int, default=300, help="unseen slides to draw them from")
    parser.add_argument("--json", type=Path, help="write the rows here as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scores = make_pool(Path(name), options.slides)
    rows = measure(scores, options.draws)
    print(f"{'training':32} {'held out':>8} {'Dice':>8} {'better':>7} {'worse':>7} {'covered':>8}")
    for row in rows:
        print(
            f"{row.training:32} {row.held_out:8d} {row.difference:+8.4f} {row.better:7.3f} {row.worse:7.3f} "
            f"{row.covered:8.3f}"
        )
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
