"""Training: rounds of patches, a look at the hold-out after each, and the best weights kept."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.proposals import to_mask
from unet_studio.core.scores import Counts, count
from unet_studio.core.tiles import Box, tile_box
from unet_studio.unet.architecture import build_unet
from unet_studio.unet.losses import make_loss
from unet_studio.unet.patches import LabelledSlide, PatchBatches
from unet_studio.unet.prediction import Predictor, read_mirrored
from unet_studio.unet.recipes import Recipe

_WINDOW = 512
_MAX_WINDOWS = 24


@dataclass(frozen=True, slots=True)
class RoundReport:
    """What one round came to; round 0 is the model before training. `dice` is the mean over classes but background,
    pooled over the labelled pixels of the hold-out."""

    round: int
    rounds: int
    loss: float
    dice: float
    seconds: float
    best: bool


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The best network, its score and the one it started with, and all rounds."""

    network: keras.Model
    dice: float
    dice_before: float
    history: tuple[RoundReport, ...]


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """A part of a labelled plane on which models are compared: network input and labels of equal (h, w)."""

    pixels: NDArray[np.float32]
    labels: NDArray[np.uint8]


def build_or_continue(recipe: Recipe, start: keras.Model | None, *, channels: int, classes: int) -> keras.Model:
    """A network to train: a fresh copy of `start` (warm start), or the recipe's, randomly initialised."""
    keras.utils.set_random_seed(recipe.seed)
    network = build_unet(recipe.architecture, channels=channels, classes=classes)
    if start is not None:
        network.set_weights(start.get_weights())
    return network


def judged_windows(slides: Sequence[LabelledSlide]) -> list[JudgedWindow]:
    """At most 24 windows of 512² around the labels of `slides`, spread evenly; the same at every call."""
    boxes: dict[tuple[int, Box], None] = {}
    for index, slide in enumerate(slides):
        for cell in sorted(slide.cells):
            boxes.setdefault((index, _window_around(tile_box(cell), slide.shape)))
    chosen = list(boxes)
    if len(chosen) > _MAX_WINDOWS:
        chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, _MAX_WINDOWS).astype(int)]
    return [
        JudgedWindow(read_mirrored(slides[i].read, box, slides[i].shape), slides[i].labels.read(box))
        for i, box in chosen
    ]


def judge(predictor: Predictor, windows: Sequence[JudgedWindow]) -> Counts:
    """The pooled agreement of a network with the labels of the windows."""
    classes = predictor.classes
    total = count(np.zeros((0, 0), np.uint8), np.zeros((0, 0), np.uint8), classes)
    for window in windows:
        total = total + count(window.labels, to_mask(predictor.probabilities(window.pixels)), classes)
    return total


def train(
    network: keras.Model,
    slides: Sequence[LabelledSlide],
    windows: Sequence[JudgedWindow],
    recipe: Recipe,
    *,
    report: Callable[[RoundReport, Predictor], None] = lambda _report, _predictor: None,
    step: Callable[[int, int], None] = lambda _done, _steps: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> TrainingResult:
    """Train `network` on the labelled pixels of `slides`; the weights best on `windows` win, also when cancelled.

    The averaged weights (EMA) are judged, since they vary less from round to round. `report` is called after each
    round with a predictor of the averaged weights, `step` after each step.
    """
    schedule = recipe.schedule
    steps = schedule.rounds * schedule.steps
    optimiser = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            schedule.learning_rate / 10, steps, alpha=0.02,
            warmup_target=schedule.learning_rate, warmup_steps=schedule.warmup,
        ),
        clipnorm=1.0, use_ema=True, ema_momentum=schedule.ema,
    )  # fmt: skip
    network.compile(optimizer=optimiser, loss=make_loss(recipe.loss, int(network.output_shape[-1])))
    rounds = _Rounds(windows, recipe, report=report, step=step, cancelled=cancelled)
    network.fit(
        PatchBatches(slides, recipe), epochs=schedule.rounds, shuffle=False, verbose=0,
        callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=True), rounds],
    )  # fmt: skip
    network.set_weights(rounds.best_weights)
    history = tuple(rounds.history)
    return TrainingResult(network, max(r.dice for r in history), history[0].dice, history)


class _Rounds(keras.callbacks.Callback):  # type: ignore[misc]
    """Judges after each round, keeps the best weights, stops on request, on patience and on time."""

    def __init__(
        self, windows: Sequence[JudgedWindow], recipe: Recipe, *, report: Any, step: Any, cancelled: Callable[[], bool]
    ) -> None:
        super().__init__()
        self.history: list[RoundReport] = []
        self.best_weights: list[NDArray[np.float32]] = []
        self._windows = windows
        self._schedule = recipe.schedule
        self._multiple = 1 << recipe.architecture.depth
        self._report = report
        self._step = step
        self._cancelled = cancelled
        self._started = time.monotonic()
        self._round = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._predictor = Predictor(self.model, multiple=self._multiple)
        self._judge(loss=float("nan"))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._step(self._round * self._schedule.steps + batch + 1, self._schedule.rounds * self._schedule.steps)
        if self._cancelled():
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._round = epoch + 1
        self._judge(loss=float((logs or {}).get("loss", float("nan"))))
        late = self._schedule.seconds and time.monotonic() - self._started > self._schedule.seconds
        best = max(self.history, key=lambda r: (r.dice, r.round))
        if late or self._round - best.round >= self._schedule.patience or self._cancelled():
            self.model.stop_training = True

    def _judge(self, *, loss: float) -> None:
        dice = float(np.nan_to_num(judge(self._predictor, self._windows).mean_dice))
        best = not self.history or dice > max(r.dice for r in self.history)
        seconds = time.monotonic() - self._started
        self.history.append(RoundReport(self._round, self._schedule.rounds, loss, dice, seconds, best))
        if best:
            self.best_weights = self.model.get_weights()
        self._report(self.history[-1], self._predictor)


def _window_around(cell: Box, shape: tuple[int, int]) -> Box:
    """The window of at most 512² around a tile, kept on the plane where the plane is large enough."""
    y0 = max(0, min(cell.y0 - (_WINDOW - cell.height) // 2, shape[0] - _WINDOW))
    x0 = max(0, min(cell.x0 - (_WINDOW - cell.width) // 2, shape[1] - _WINDOW))
    return Box(y0, x0, min(y0 + _WINDOW, shape[0]), min(x0 + _WINDOW, shape[1]))
