"""Training: rounds of patches, a look at the hold-out after each, and the best weights kept."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.cleaning.steps import Step, parse_steps
from unet_studio.core.masks.mask_view import cleaned_mask
from unet_studio.core.scoring.scores import Counts, count
from unet_studio.core.tiles import Box, tile_box
from unet_studio.errors import ModelError, RecipeError, is_out_of_memory
from unet_studio.unet.architecture import build_unet
from unet_studio.unet.device import avoid_xla, fastest_precision, has_gpu, use_deterministic_operations
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import UNVARIED, Recipe, Schedule
from unet_studio.unet.tiling import read_mirrored
from unet_studio.unet.training.checkpoint import Arrays, Checkpoint, read_checkpoint
from unet_studio.unet.training.event_log import EventLog
from unet_studio.unet.training.losses import balance_classes, make_loss
from unet_studio.unet.training.optimisers import learning_rate, make_optimiser
from unet_studio.unet.training.patches import LabelledSlide, PatchBatches, draw_slide

_Item = TypeVar("_Item")

_WINDOW = 512
_MAX_WINDOWS = 24
_DRAWN_AHEAD = 6
"""Batches that are drawn while the network learns."""
_MOST_RETRIES = 8
"""So often a round is repeated, slower or smaller, before the training gives up."""
_ENOUGH = 5
"""Of so many held-out slides, or more, the score alone decides which weights are kept."""
_LEAST_FALL, _MOST_FALL = 0.01, 0.05
"""A score on fewer slides may be this much lower than the best, near 1 and far from it.

Seen with one held-out slide of nuclei: it fell from 0.908 to 0.899 while twelve others rose from 0.71 to 0.87.
"""


@dataclass(frozen=True, slots=True)
class RoundReport:
    """What one round came to; round 0 is the model before training. `dice` is the mean over classes but background,
    pooled over the labelled pixels of the hold-out. `best`: of all rounds so far this one's weights are kept. `note`
    says what went wrong and what was done about it."""

    round: int
    rounds: int
    loss: float
    dice: float
    seconds: float
    best: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The network that was kept, its score and the one it started with, and all rounds."""

    network: keras.Model
    dice: float
    dice_before: float
    history: tuple[RoundReport, ...]

    @property
    def changed(self) -> bool:
        """Whether the weights kept are those of a round, and not those that it began with."""
        return any(report.best for report in self.history[1:])


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """A part of a labelled plane on which models are compared: network input and labels of equal (h, w)."""

    pixels: NDArray[np.float32]
    labels: NDArray[np.uint8]


def build_or_continue(recipe: Recipe, start: keras.Model | None, *, channels: int, classes: int) -> keras.Model:
    """A network to train: a fresh copy of `start` (warm start), or the recipe's, randomly initialised."""
    keras.utils.set_random_seed(recipe.seed)
    with fastest_precision() if recipe.precision == "fastest" else nullcontext():
        network = build_unet(recipe.architecture, channels=channels, classes=classes)
    if start is not None:
        network.set_weights(start.get_weights())
    return network


def judged_windows(slides: Sequence[LabelledSlide], schedule: Schedule | None = None) -> list[JudgedWindow]:
    """At most 24 windows of 512² around the labels of `slides`, spread evenly; the same at every call.

    Where patches are whole slides by the `schedule`, so are the windows: resized as the patches are, but not varied.
    """
    if schedule is not None and schedule.whole:
        rng = np.random.default_rng(0)  # nothing is varied, so nothing is drawn from it that matters
        chosen = spread(slides, _MAX_WINDOWS)
        return [JudgedWindow(*draw_slide(slide, schedule.patch, UNVARIED, rng)) for slide in chosen]
    boxes: dict[tuple[int, Box], None] = {}
    for index, slide in enumerate(slides):
        for cell in sorted(slide.cells):
            boxes.setdefault((index, _window_around(tile_box(cell), slide.shape)))
    return [
        JudgedWindow(read_mirrored(slides[i].read, box, slides[i].shape), slides[i].labels.read(box))
        for i, box in spread(list(boxes), _MAX_WINDOWS)
    ]


def spread(items: Sequence[_Item], most: int) -> list[_Item]:
    """All items, or so many of them, evenly from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, most).astype(int)]


def judge(predictor: Predictor, windows: Sequence[JudgedWindow], steps: Sequence[Step] = ()) -> Counts:
    """The pooled agreement of a network, after the clean-up `steps`, with the labels of the windows.

    A step crf is left out: it would take longer than the round before it.
    """
    classes = predictor.classes
    total = count(np.zeros((0, 0), np.uint8), np.zeros((0, 0), np.uint8), classes)
    for window in windows:
        mask = cleaned_mask(predictor.probabilities(window.pixels), 0.5, steps)
        total = total + count(window.labels, mask, classes)
    return total


def set_aside(slides: Sequence[LabelledSlide], recipe: Recipe) -> tuple[list[LabelledSlide], list[LabelledSlide]]:
    """The slides to train on and those to hold out: the share that the recipe names, chosen by its seed.

    All planes of a slide stay together. Of two or more slides at least one is held out and one trained on; where the
    recipe names no share, or there is one slide only, none is held out.
    """
    names = sorted({slide.plane.slide for slide in slides})
    wanted = recipe.schedule.hold_out * len(names)
    count = min(max(1, round(wanted)), len(names) - 1) if wanted else 0
    chosen = {names[i] for i in np.random.default_rng(recipe.seed).permutation(len(names))[:count]}
    training = [slide for slide in slides if slide.plane.slide not in chosen]
    return training, [slide for slide in slides if slide.plane.slide in chosen]


def train(
    network: keras.Model,
    slides: Sequence[LabelledSlide],
    windows: Sequence[JudgedWindow],
    recipe: Recipe,
    *,
    held_out: int = _ENOUGH,
    run: Path | None = None,
    resume_from: Path | None = None,
    report: Callable[[RoundReport, Predictor], None] = lambda _report, _predictor: None,
    step: Callable[[int, int], None] = lambda _done, _steps: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> TrainingResult:
    """Train `network` on the labelled pixels of `slides`; the weights best on `windows` win, also when cancelled.

    Of rounds that are equally good the last wins, which was trained longest, but the network as it was wins over its
    equals. Fewer than 5 held-out slides can't tell close models apart: they stand for too little. Then the last round
    wins that is wrong at most half as much again as the best (1 - Dice; at least 0.01 and at most 0.05 lower), and the
    network as it was only where all rounds are worse than that.
    The averaged weights (EMA) are judged, since they vary less from round to round, after the recipe's clean-up.
    `report` is called after each round with a predictor of the averaged weights, `step` after each step.

    A round whose loss becomes NaN is repeated from the weights before it at half the learning rate, and one that runs
    out of memory with half the batch, then with smaller patches; the round's report says so.

    Args:
        held_out: of how many slides, which it doesn't learn from, the windows are; 0: they are of those it learns
            from. How well it knows these says nothing of any other, and a handful of strokes is known by heart after a
            round or two; so the last round wins then, whatever its score.
        run: a folder; after each round it gets a checkpoint, and the curves where the recipe wants TensorBoard.
        resume_from: the folder of a training of the same network and optimiser, which goes on after its last round.

    Raises:
        RecipeError: the loss stays NaN, or one small patch takes more memory than there is.
        ModelError: the training in `resume_from` can't be resumed.
    """
    if recipe.deterministic or not has_gpu():  # on a CPU it costs next to nothing
        use_deterministic_operations()
    training = _Training(
        network, slides, windows, recipe, run, held_out=held_out, report=report, step=step, cancelled=cancelled
    )
    if resume_from is not None:
        training.resume(resume_from)
    return training.run()


class _NotFiniteError(Exception):
    """The loss or a weight is NaN or infinite."""


class _Training:
    """Trains round by round, judges after each, keeps the best weights, and recovers where it can."""

    def __init__(
        self,
        network: keras.Model,
        slides: Sequence[LabelledSlide],
        windows: Sequence[JudgedWindow],
        recipe: Recipe,
        run: Path | None,
        *,
        held_out: int,
        report: Callable[[RoundReport, Predictor], None],
        step: Callable[[int, int], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._network = network
        self._slides = slides
        self._windows = windows
        self._steps = parse_steps(recipe.clean_up)
        self._recipe = recipe
        self._run = run
        self._held_out = held_out
        self._report = report
        self._step = step
        self._cancelled = cancelled
        self._log = EventLog(run / "tensorboard") if run and recipe.tensorboard else None
        self._batches = PatchBatches(slides, recipe)
        self._predictor = Predictor(network, recipe.architecture)
        self._optimiser = make_optimiser(recipe.schedule)
        self._compile()
        self._history: list[RoundReport] = []
        self._best_weights: Arrays = []
        self._slowed = 1.0  # what the schedule's learning rate is multiplied with
        self._slowed_in = 0  # round
        self._began = time.monotonic()
        self._seconds_before = 0.0

    @property
    def _round(self) -> int:
        return self._history[-1].round

    def resume(self, run: Path) -> None:
        """Take over the state that a training left in its folder."""
        checkpoint = read_checkpoint(run)
        pairs = [
            *zip_longest(self._network.variables, checkpoint.network),
            *zip_longest(self._optimiser.variables, checkpoint.optimiser),
        ]
        if any(ours is None or stored is None or tuple(ours.shape) != stored.shape for ours, stored in pairs):
            raise ModelError(
                f"The training in '{run}' was of another network or with another optimiser, so it can't go on. "
                "Use the recipe that it began with, or start a new training."
            )
        self._restore((checkpoint.network, checkpoint.optimiser))
        self._best_weights = checkpoint.best
        facts = checkpoint.facts
        self._history = [RoundReport(**report) for report in facts["history"]]
        self._slowed, self._slowed_in = facts["slowed"], facts["slowed_in"]
        self._seconds_before = self._history[-1].seconds
        self._take(facts["batch"], facts["patch"])

    def run(self) -> TrainingResult:
        schedule = self._recipe.schedule
        if not self._history:
            self._judge(0, loss=float("nan"), note="")
        with ThreadPoolExecutor(1, "patches") as drawing:
            while self._round < schedule.rounds and not self._stands_still(schedule.patience):
                loss, note = self._train_round(drawing)
                self._judge(self._round + 1, loss=loss, note=note)
                self._save()
                late = schedule.seconds and time.monotonic() - self._began > schedule.seconds
                if late or self._cancelled():
                    break
        self._network.set_weights(self._best_weights)
        history = tuple(self._history)
        kept = next(report for report in reversed(history) if report.best)
        return TrainingResult(self._network, kept.dice, history[0].dice, history)

    def _train_round(self, drawing: Executor) -> tuple[float, str]:
        """The mean loss of the next round, and what had to be done for it, in sentences."""
        good = self._state()
        notes: list[str] = []
        while True:
            try:
                return self._train_steps(drawing), " ".join(notes)
            except _NotFiniteError:
                notes.append(self._slow_down())
            except Exception as error:  # each backend has its own for this
                if not is_out_of_memory(error):
                    raise
                notes.append(self._shrink(error))
            if len(notes) > _MOST_RETRIES:
                raise RecipeError(
                    f"The training failed {len(notes)} times in one round. {notes[-1]} Check the slides for damaged "
                    "ones, or lower 'schedule.learning_rate' in the recipe, then train again."
                )
            self._restore(good)

    def _train_steps(self, drawing: Executor) -> float:
        steps, number = self._batches.steps, self._round
        total = number * steps
        losses = []
        for index, (pixels, labels) in enumerate(_draw_ahead(drawing, self._batches, number)):
            self._optimiser.learning_rate = self._rate(total + index)
            losses.append(float(self._network.train_on_batch(pixels, labels)))
            if not math.isfinite(losses[-1]):
                raise _NotFiniteError
            self._step(total + index + 1, self._recipe.schedule.rounds * steps)
            if self._cancelled():
                break
        if not all(np.isfinite(weights).all() for weights in self._network.get_weights()):
            raise _NotFiniteError  # the last step's gradient
        return float(np.mean(losses))

    def _rate(self, step: int) -> float:
        schedule = self._recipe.schedule
        return self._slowed * learning_rate(schedule, step, schedule.rounds * self._batches.steps)

    def _slow_down(self) -> str:
        self._slowed /= 2
        return (
            f"The loss was no longer a number, so the weights went back to those of round {self._round} "
            f"and the learning rate was halved, to {self._slowed * self._recipe.schedule.learning_rate:.2g} at most."
        )

    def _shrink(self, error: Exception) -> str:
        schedule = self._recipe.schedule
        batch, patch = schedule.batch // 2, schedule.patch
        if batch == 0:
            batch, patch = 1, self._recipe.architecture.largest_side(schedule.patch // 2)
        if patch == 0:
            raise RecipeError(
                f"There is not enough memory to train on a single patch of {schedule.patch} × {schedule.patch} pixels. "
                "Close other programs, or choose a recipe with a smaller 'architecture.width'."
            ) from error
        self._take(batch, patch)
        return f"There was not enough memory, so a step now takes {batch} patch(es) of {patch} × {patch} pixels."

    def _take(self, batch: int, patch: int) -> None:
        """Go on with so many patches a step, of this many pixels a side."""
        schedule = replace(self._recipe.schedule, batch=batch, patch=patch)
        self._recipe = replace(self._recipe, schedule=schedule)
        self._batches = PatchBatches(self._slides, self._recipe)

    def _judge(self, number: int, *, loss: float, note: str) -> None:
        trained = [keras.ops.convert_to_numpy(variable) for variable in self._network.trainable_variables]
        if number:
            self._show_averages()
        dice = float(np.nan_to_num(judge(self._predictor, self._windows, self._steps).mean_dice))
        best = self._is_best(dice)
        if best:
            self._best_weights = self._network.get_weights()
        seconds = self._seconds_before + time.monotonic() - self._began
        self._history.append(RoundReport(number, self._recipe.schedule.rounds, loss, dice, seconds, best, note))
        self._ease_on_plateau()
        if self._log is not None:
            rate = self._rate(number * self._batches.steps)
            self._log.write(number, {"loss": loss, "hold-out Dice": dice, "learning rate": rate})
        self._report(self._history[-1], self._predictor)
        for variable, values in zip(self._network.trainable_variables, trained, strict=True):
            variable.assign(values)

    def _is_best(self, dice: float) -> bool:
        """Whether the weights that were just judged are kept rather than those of any round before."""
        if not self._history or not self._held_out:
            return True
        best = max(report.dice for report in self._history)
        if self._held_out < _ENOUGH:
            return dice > best - min(max((1 - best) / 2, _LEAST_FALL), _MOST_FALL)
        return dice > self._history[0].dice and dice >= best

    def _show_averages(self) -> None:
        """Give the network the averaged weights; as copies, for with JAX a prediction frees the arrays it is given."""
        self._optimiser.finalize_variable_values(self._network.trainable_variables)
        for variable in self._network.trainable_variables:
            variable.assign(keras.ops.copy(variable))

    def _ease_on_plateau(self) -> None:
        schedule = self._recipe.schedule
        halfway = max(1, schedule.patience // 2)
        if schedule.decay == "plateau" and self._stands_still(halfway) and self._round - self._slowed_in >= halfway:
            self._slowed /= 2
            self._slowed_in = self._round

    def _stands_still(self, rounds: int) -> bool:
        """Whether so many rounds have passed without a better score."""
        first_best = max(self._history, key=lambda report: report.dice)  # of equals max gives the first
        return self._round - first_best.round >= rounds

    def _compile(self) -> None:
        recipe, classes = self._recipe, int(self._network.output_shape[-1])
        pixels = np.sum([slide.count_classes(classes) for slide in self._slides], axis=0)
        weights = balance_classes(pixels, recipe.loss.balance)
        loss = make_loss(recipe.loss, classes, class_weights=weights)
        self._network.compile(optimizer=self._optimiser, loss=loss)
        avoid_xla(self._network)
        self._optimiser.build(self._network.trainable_variables)

    def _state(self) -> tuple[Arrays, Arrays]:
        """All variables of the network, its random generators among them, and of the optimiser."""
        network, optimiser = (
            [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
            for variables in (self._network.variables, self._optimiser.variables)
        )
        return network, optimiser

    def _restore(self, state: tuple[Arrays, Arrays]) -> None:
        for variables, values in zip((self._network.variables, self._optimiser.variables), state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def _save(self) -> None:
        if self._run is None:
            return
        network, optimiser = self._state()
        facts = {
            "history": [asdict(report) for report in self._history],
            "slowed": self._slowed,
            "slowed_in": self._slowed_in,
            "batch": self._recipe.schedule.batch,
            "patch": self._recipe.schedule.patch,
        }
        Checkpoint(network, optimiser, self._best_weights, facts).write(self._run)


def _draw_ahead(drawing: Executor, batches: PatchBatches, number: int) -> Iterator[tuple[Any, Any]]:
    """The batches of a round, some of them drawn while the network still learns from those before."""
    waiting: deque[Future[tuple[Any, Any]]] = deque()
    try:
        for index in range(batches.steps):
            while len(waiting) < _DRAWN_AHEAD and index + len(waiting) < batches.steps:
                waiting.append(drawing.submit(batches.batch, number, index + len(waiting)))
            yield waiting.popleft().result()
    finally:
        for batch in waiting:
            batch.cancel()


def _window_around(cell: Box, shape: tuple[int, int]) -> Box:
    """The window of at most 512² around a tile, kept on the plane where the plane is large enough."""
    y0 = max(0, min(cell.y0 - (_WINDOW - cell.height) // 2, shape[0] - _WINDOW))
    x0 = max(0, min(cell.x0 - (_WINDOW - cell.width) // 2, shape[1] - _WINDOW))
    return Box(y0, x0, min(y0 + _WINDOW, shape[0]), min(x0 + _WINDOW, shape[1]))
