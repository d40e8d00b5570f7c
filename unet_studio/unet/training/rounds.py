"""The training loop: rounds of patches, a score after each, and the averaged weights that are kept."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from unet_studio.core.cleaning.steps import parse_steps
from unet_studio.errors import RecipeError, StudioError, is_out_of_memory
from unet_studio.protocol.values import Round, kept_round
from unet_studio.unet.device import avoid_xla, has_gpu, use_deterministic_operations
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.training.checkpoint import Arrays, Checkpoint, read_checkpoint, read_variables, write_variables
from unet_studio.unet.training.event_log import EventLog
from unet_studio.unet.training.losses import balance_classes, make_loss
from unet_studio.unet.training.optimisers import learning_rate, make_optimiser
from unet_studio.unet.training.patches import LabelledSlide, PatchBatches
from unet_studio.unet.training.validation import ValidationWindow, judge

_DRAWN_AHEAD = 6
"""Batches that are drawn while the network learns."""
_MOST_RETRIES = 8
"""So often a round is repeated, slower or smaller, before the training gives up."""


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """The network with the weights that were kept, and all rounds; that of before the training first."""

    network: keras.Model
    history: tuple[Round, ...]

    @property
    def dice(self) -> float:
        return kept_round(self.history).dice

    @property
    def dice_before(self) -> float:
        return self.history[0].dice


def train(
    network: keras.Model,
    slides: Sequence[LabelledSlide],
    windows: Sequence[ValidationWindow],
    recipe: Recipe,
    *,
    chooses: bool,
    replayed: Sequence[LabelledSlide] = (),
    run: Path | None = None,
    resume_from: Path | None = None,
    report: Callable[[Round, Predictor], None] = lambda _report, _predictor: None,
    step: Callable[[int, int], None] = lambda _done, _steps: None,
    cancelled: Callable[[], bool] = lambda: False,
    stopping: Callable[[], None] = lambda: None,
) -> TrainedNetwork:
    """Train `network` on the labelled pixels of `slides`; the averaged weights (EMA) of the last round are kept, also
    when cancelled.

    Averaged weights vary so little from round to round that none has to be chosen, and a score that chose nothing is an
    honest one. Where slides were set aside for it the best round on these is kept instead, the last of equals but for
    what the training began with, and the recipe's patience and plateau follow the same score.
    After each round the averaged weights are scored, after the recipe's clean-up.
    `report` is called after each round with a predictor of the averaged weights, `step` after each step, and `stopping`
    again and again while a training that was cancelled is brought to its end.

    A round whose loss becomes NaN is repeated from the weights before it at half the learning rate, and one that runs
    out of memory with half the batch, then with smaller patches; the round's report says so.

    Args:
        chooses: whether the windows are of slides that were set aside to choose a round on, and judge nothing else.
        replayed: slides that nobody labelled, of which only the teacher says something.
        run: a folder; after each round it gets a checkpoint, and the curves where the recipe wants TensorBoard.
        resume_from: the folder of a training of the same network and optimiser, which goes on after its last round.

    Raises:
        RecipeError: the loss stays NaN, or one small patch takes more memory than there is.
        ModelError: the training in `resume_from` can't be resumed.
    """
    if recipe.deterministic or not has_gpu():  # on a CPU it costs next to nothing
        use_deterministic_operations()
    training = _Training(
        network, slides, windows, recipe, run, chooses=chooses, replayed=replayed,
        report=report, step=step, cancelled=cancelled, stopping=stopping,
    )  # fmt: skip
    if resume_from is not None:
        training.resume(resume_from)
    return training.run()


class _NotFiniteError(Exception):
    """The loss or a weight is NaN or infinite."""


class _Training:
    """Trains round by round, scores each, keeps weights, and recovers where it can."""

    def __init__(
        self,
        network: keras.Model,
        slides: Sequence[LabelledSlide],
        windows: Sequence[ValidationWindow],
        recipe: Recipe,
        run: Path | None,
        *,
        chooses: bool,
        replayed: Sequence[LabelledSlide],
        report: Callable[[Round, Predictor], None],
        step: Callable[[int, int], None],
        cancelled: Callable[[], bool],
        stopping: Callable[[], None],
    ) -> None:
        self._network = network
        self._slides = slides
        self._windows = windows
        self._steps = parse_steps(recipe.clean_up)
        self._recipe = recipe
        self._run = run
        self._chooses = chooses
        self._report = report
        self._step = step
        self._cancelled = cancelled
        self._stopping = stopping
        self._log = EventLog(run / "tensorboard") if run and recipe.tensorboard else None
        self._replayed = replayed
        self._batches = PatchBatches(slides, recipe, replayed)
        self._predictor = Predictor(network, recipe.architecture)
        self._optimiser = make_optimiser(recipe.schedule)
        self._compile()
        self._history: list[Round] = []
        self._best_weights: Arrays = []
        self._rate_factor = 1.0  # factor of the schedule's learning rate
        self._reduced_in = 0  # the round in which the plateau rule last halved it
        self._began = time.monotonic()
        self._seconds_before = 0.0
        self._unsaved = ""  # why the last round can't be gone on from, in a sentence

    @property
    def _round(self) -> int:
        return self._history[-1].round

    def resume(self, run: Path) -> None:
        """Take over the state that a training left in its folder."""
        checkpoint = read_checkpoint(run)
        checkpoint.check_fits(self._network, self._optimiser, run)
        self._restore((checkpoint.network, checkpoint.optimiser))
        self._best_weights = checkpoint.best
        facts = checkpoint.facts
        self._history = list(checkpoint.history)
        self._rate_factor, self._reduced_in = facts["slowed"], facts["slowed_in"]
        self._seconds_before = self._history[-1].seconds
        self._use_batches(facts["batch"], facts["patch"])

    def run(self) -> TrainedNetwork:
        schedule = self._recipe.schedule
        if not self._history:
            self._judge(0, loss=float("nan"), note="")
        with ThreadPoolExecutor(1, "patches") as drawing:
            while self._round < schedule.rounds and not self._is_on_plateau(schedule.patience):
                loss, note = self._train_round(drawing)
                self._judge(self._round + 1, loss=loss, note=note)
                self._save()
                late = schedule.seconds and time.monotonic() - self._began > schedule.seconds
                if late or self._cancelled():
                    break
        self._network.set_weights(self._best_weights)
        return TrainedNetwork(self._network, tuple(self._history))

    def _train_round(self, drawing: Executor) -> tuple[float, str]:
        """The mean loss of the next round, and what had to be done for it, in sentences."""
        good = self._state()
        notes: list[str] = []
        while True:
            try:
                return self._train_steps(drawing), " ".join(notes)
            except _NotFiniteError:
                notes.append(self._halve_rate())
            except Exception as error:  # each backend has its own for this
                if not is_out_of_memory(error):
                    raise
                notes.append(self._shrink_batch(error))
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
        return self._rate_factor * learning_rate(schedule, step, schedule.rounds * self._batches.steps)

    def _halve_rate(self) -> str:
        self._rate_factor /= 2
        rate = self._rate_factor * self._recipe.schedule.learning_rate
        return (
            f"The loss was no longer a number, so the weights went back to those of round {self._round} "
            f"and the learning rate was halved, to {rate:.2g} at most."
        )

    def _shrink_batch(self, error: Exception) -> str:
        schedule = self._recipe.schedule
        batch, patch = schedule.batch // 2, schedule.patch
        if batch == 0:
            batch, patch = 1, self._recipe.architecture.largest_side(schedule.patch // 2)
        if patch == 0:
            raise RecipeError(
                f"There is not enough memory to train on a single patch of {schedule.patch} × {schedule.patch} pixels. "
                "Close other programs, or choose a recipe with a smaller 'architecture.width'."
            ) from error
        self._use_batches(batch, patch)
        return f"There was not enough memory, so a step now takes {batch} patch(es) of {patch} × {patch} pixels."

    def _use_batches(self, batch: int, patch: int) -> None:
        """Continue with this many patches a step, of this many pixels a side."""
        schedule = replace(self._recipe.schedule, batch=batch, patch=patch)
        self._recipe = replace(self._recipe, schedule=schedule)
        self._batches = PatchBatches(self._slides, self._recipe, self._replayed)

    def _judge(self, number: int, *, loss: float, note: str) -> None:
        trained = [keras.ops.convert_to_numpy(variable) for variable in self._network.trainable_variables]
        if number:
            self._load_averages()
        counts = judge(self._predictor, self._windows, self._steps, self._tell_stopping)
        dice = counts.mean_dice_of_truth
        kept = not self._chooses or self._is_best(dice)
        if kept:
            self._best_weights = self._network.get_weights()
        seconds = self._seconds_before + time.monotonic() - self._began
        notes = " ".join(filter(None, (note, self._unsaved)))
        self._history.append(Round(number, self._recipe.schedule.rounds, loss, dice, seconds, kept, notes))
        self._reduce_rate_on_plateau()
        if self._log is not None:
            rate = self._rate(number * self._batches.steps)
            with suppress(OSError):  # a full disk must not end a training
                self._log.write(number, {"loss": loss, "hold-out Dice": dice, "learning rate": rate})
        self._report(self._history[-1], self._predictor)
        for variable, values in zip(self._network.trainable_variables, trained, strict=True):
            variable.assign(values)

    def _is_best(self, dice: float) -> bool:
        """Whether no earlier round was better, and what the training began with was worse."""
        dice, *earlier = np.nan_to_num([dice, *(report.dice for report in self._history)])
        return not earlier or bool(dice > earlier[0] and dice >= max(earlier))

    def _tell_stopping(self) -> None:
        if self._cancelled():
            self._stopping()

    def _load_averages(self) -> None:
        """Give the network the averaged weights (EMA); copied, since JAX frees arrays in a prediction."""
        self._optimiser.finalize_variable_values(self._network.trainable_variables)
        for variable in self._network.trainable_variables:
            variable.assign(keras.ops.copy(variable))

    def _reduce_rate_on_plateau(self) -> None:
        schedule = self._recipe.schedule
        halfway = max(1, schedule.patience // 2)
        if schedule.decay == "plateau" and self._is_on_plateau(halfway) and self._round - self._reduced_in >= halfway:
            self._rate_factor /= 2
            self._reduced_in = self._round

    def _is_on_plateau(self, rounds: int) -> bool:
        """Whether this many rounds have passed without a better score, where a score may decide anything."""
        if not self._chooses:
            return False
        first_best = int(np.argmax(np.nan_to_num([report.dice for report in self._history])))  # of equals the first
        return self._round - self._history[first_best].round >= rounds

    def _compile(self) -> None:
        recipe, classes = self._recipe, int(self._network.output_shape[-1])
        pixels = np.sum([slide.count_classes(classes) for slide in self._slides], axis=0)
        weights = balance_classes(pixels, recipe.loss.balance)
        parts = recipe.loss if self._batches.is_taught else replace(recipe.loss, teacher=0.0)
        loss = make_loss(parts, classes, class_weights=weights)
        self._network.compile(optimizer=self._optimiser, loss=loss)
        avoid_xla(self._network)
        self._optimiser.build(self._network.trainable_variables)

    def _state(self) -> tuple[Arrays, Arrays]:
        """All variables of the network, its random generators among them, and of the optimiser."""
        return read_variables(self._network), read_variables(self._optimiser)

    def _restore(self, state: tuple[Arrays, Arrays]) -> None:
        for owner, values in zip((self._network, self._optimiser), state, strict=True):
            write_variables(owner, values)

    def _save(self) -> None:
        """Write a checkpoint; where that fails the training goes on, and the next round's note says so."""
        if self._run is None:
            return
        network, optimiser = self._state()
        facts = {
            "history": [asdict(report) for report in self._history],
            "slowed": self._rate_factor,
            "slowed_in": self._reduced_in,
            "batch": self._recipe.schedule.batch,
            "patch": self._recipe.schedule.patch,
        }
        try:
            Checkpoint(network, optimiser, self._best_weights, facts).write(self._run)
        except StudioError as error:
            self._unsaved = f"If it is interrupted now, it can't go on from round {self._round}: {error}"
        else:
            self._unsaved = ""


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
