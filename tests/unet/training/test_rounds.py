"""Training: it learns, it keeps the best, it can be repeated, stopped and resumed, and it gets over accidents."""

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio import paths
from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels.plane import LabelPlane
from unet_studio.core.tiles import TILE, Box
from unet_studio.errors import ModelError, RecipeError, is_out_of_memory
from unet_studio.unet.architecture import build_or_continue
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Architecture, Loss, Recipe, Schedule, load_recipe
from unet_studio.unet.training import rounds as training
from unet_studio.unet.training.patches import LabelledSlide
from unet_studio.unet.training.preparing import set_aside
from unet_studio.unet.training.rounds import TrainedNetwork, train
from unet_studio.unet.training.validation import judge, validation_windows

SHORT = Schedule(rounds=2, steps=2, batch=2, patch=32, learning_rate=1e-2, warmup=1, ema=0.5)
TINY = Recipe("tiny", architecture=Architecture(depth=1, width=2), schedule=SHORT)
LEARNING = replace(
    TINY, architecture=Architecture(depth=1, width=4), schedule=replace(SHORT, rounds=3, steps=20, learning_rate=2e-2)
)
DESTRUCTIVE = replace(TINY, schedule=replace(SHORT, rounds=6, learning_rate=5.0, patience=2))
"""A step so large that it ruins any network."""


@pytest.fixture(scope="module")
def slides(
    slide_from: Callable[..., LabelledSlide], spots: Callable[[int], tuple[NDArray[np.uint8], NDArray[np.uint8]]]
) -> list[LabelledSlide]:
    """Four slides of spots, all labelled."""
    drawn = {f"{seed}.png": spots(seed) for seed in range(4)}
    return [slide_from((pixels / 255).astype(np.float32), truth, name) for name, (pixels, truth) in drawn.items()]


def run(
    slides: list[LabelledSlide], recipe: Recipe, start: keras.Model | None = None, **options: Any
) -> TrainedNetwork:
    network = build_or_continue(recipe, start, channels=1, classes=2)
    options = {"chooses": True, **options}
    return train(network, slides[:-1], validation_windows(slides[-1:]), recipe, **options)


def judged_again(result: TrainedNetwork, slides: list[LabelledSlide]) -> float:
    return judge(Predictor(result.network, LEARNING.architecture), validation_windows(slides[-1:])).mean_dice


@pytest.fixture(scope="module")
def learned(slides: list[LabelledSlide]) -> TrainedNetwork:
    return run(slides, LEARNING)


@pytest.fixture(scope="module")
def ruined(slides: list[LabelledSlide], bright_network: keras.Model) -> TrainedNetwork:
    return run(slides, DESTRUCTIVE, bright_network)


def test_a_simple_task_is_learned_in_seconds(learned: TrainedNetwork) -> None:
    assert learned.dice > 0.9
    assert learned.dice > learned.dice_before


def test_the_network_that_is_returned_scores_what_is_said_of_it(
    learned: TrainedNetwork, slides: list[LabelledSlide]
) -> None:
    assert judged_again(learned, slides) == pytest.approx(learned.dice, abs=1e-6)


def test_the_history_tells_of_every_round_and_of_the_model_before(learned: TrainedNetwork) -> None:
    assert [report.round for report in learned.history] == [0, 1, 2, 3]
    assert {report.rounds for report in learned.history} == {3}
    assert learned.dice_before == learned.history[0].dice
    assert math.isnan(learned.history[0].loss)
    assert learned.history[3].loss < learned.history[1].loss
    assert [report.kept for report in learned.history] == [
        all(report.dice > earlier.dice for earlier in learned.history[:index])
        for index, report in enumerate(learned.history)
    ]
    seconds = [report.seconds for report in learned.history]
    assert seconds == sorted(seconds)


def test_the_same_seed_gives_the_same_training(learned: TrainedNetwork, slides: list[LabelledSlide]) -> None:
    again = run(slides, LEARNING)
    for one, other in zip(again.history, learned.history, strict=True):
        assert one.dice == pytest.approx(other.dice, abs=1e-6)
        assert one.loss == pytest.approx(other.loss, abs=1e-6, nan_ok=True)


def test_a_warm_start_begins_with_the_network_it_starts_from(ruined: TrainedNetwork) -> None:
    assert ruined.dice_before > 0.99


def test_a_training_that_only_does_harm_gives_back_what_it_began_with(
    ruined: TrainedNetwork, bright_network: keras.Model, slides: list[LabelledSlide]
) -> None:
    assert all(report.dice < 0.9 for report in ruined.history[1:]), "the training did no harm, so this shows nothing"
    assert ruined.dice == ruined.dice_before
    for kept, first in zip(ruined.network.get_weights(), bright_network.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, first)


def test_the_model_that_a_training_starts_from_stays_as_it_is(
    ruined: TrainedNetwork, bright_network: keras.Model
) -> None:
    logits = bright_network.get_layer("logits").get_weights()
    np.testing.assert_array_equal(logits[1], [0, -20])
    assert ruined.network is not bright_network


def test_it_ends_after_so_many_rounds_without_a_better_score(ruined: TrainedNetwork) -> None:
    assert len(ruined.history) == 1 + DESTRUCTIVE.schedule.patience


@pytest.mark.parametrize(
    ("scores", "chooses", "kept"),
    [
        ([0.2, 0.5, 0.4, 0.3], True, 1),
        ([0.2, 0.5, 0.5, 0.4], True, 2),
        ([0.5, 0.5, 0.5, 0.4], True, 0),
        ([0.5, 0.4, 0.5, 0.6], True, 3),
        ([math.nan, math.nan, 0.5, 0.4], True, 2),
        ([math.nan] * 4, True, 0),
        ([0.2, 0.9, 0.5, 0.4], False, 3),
        ([0.9, 0.9, 0.9, 0.4], False, 3),
        ([math.nan] * 4, False, 3),
    ],
    ids=[
        "best", "last of equals", "start among equals", "late", "first that has a score", "none has a score",
        "none is chosen", "none is chosen, worse than the start", "none is chosen, none has a score",
    ],
)  # fmt: skip
def test_which_round_is_kept(
    slides: list[LabelledSlide], monkeypatch: pytest.MonkeyPatch, scores: list[float], chooses: bool, kept: int
) -> None:
    score_rounds(monkeypatch, scores)
    weights: list[Any] = []
    recipe = replace(TINY, schedule=replace(SHORT, rounds=3, patience=9))
    result = run(
        slides, recipe, chooses=chooses, report=lambda _, predictor: weights.append(predictor._network.get_weights())
    )
    assert [report.dice for report in result.history] == pytest.approx(scores, nan_ok=True)
    assert max(report.round for report in result.history if report.kept) == kept
    assert (result.dice, result.dice_before) == pytest.approx((scores[kept], scores[0]), nan_ok=True)
    for one, other in zip(result.network.get_weights(), weights[kept], strict=True):
        np.testing.assert_array_equal(one, other)


def test_where_no_round_is_chosen_no_score_ends_the_training(
    slides: list[LabelledSlide], monkeypatch: pytest.MonkeyPatch
) -> None:
    score_rounds(monkeypatch, [0.9, *[0.1] * 9])
    result = run(slides, replace(TINY, schedule=replace(SHORT, rounds=9, patience=2)), chooses=False)
    assert len(result.history) == 1 + 9


def test_a_score_that_is_only_equalled_does_not_make_the_training_longer(
    slides: list[LabelledSlide], monkeypatch: pytest.MonkeyPatch
) -> None:
    score_rounds(monkeypatch, [0.2, *[0.5] * 9])
    result = run(slides, replace(TINY, schedule=replace(SHORT, rounds=9, patience=2)))
    assert len(result.history) == 1 + 3
    assert result.history[-1].kept


def score_rounds(monkeypatch: pytest.MonkeyPatch, scores: list[float]) -> None:
    """Let the rounds score this, whatever they learned."""
    left = iter(scores)
    monkeypatch.setattr(training, "judge", lambda *_: SimpleNamespace(mean_dice_of_truth=next(left)))


def test_cancelling_keeps_the_best_so_far(slides: list[LabelledSlide]) -> None:
    recipe = replace(LEARNING, schedule=replace(LEARNING.schedule, rounds=50))
    told: list[int] = []
    result = run(slides, recipe, step=lambda done, _: told.append(done), cancelled=lambda: len(told) >= 25)
    assert told == list(range(1, 26))
    assert [report.round for report in result.history] == [0, 1, 2]
    assert result.dice == max(report.dice for report in result.history)
    assert judged_again(result, slides) == pytest.approx(result.dice, abs=1e-6)


class TestOneStrokeInAHurry:
    """A training on one stroke that has hardly any time."""

    @pytest.fixture(scope="class")
    @classmethod
    def told(cls) -> list[Any]:
        return []

    @pytest.fixture(scope="class")
    @classmethod
    def hurried(cls, slide_from: Callable[..., LabelledSlide], told: list[Any]) -> TrainedNetwork:
        labels = np.full((64, 64), UNLABELLED, np.uint8)
        labels[30:33, 10:40] = 1
        slide = slide_from(np.random.default_rng(0).random((64, 64), dtype=np.float32), labels)
        recipe = replace(TINY, schedule=replace(SHORT, rounds=9, seconds=1e-3))
        return run(
            [slide, slide], recipe,
            report=lambda report, _: told.append(report.round), step=lambda done, steps: told.append((done, steps)),
        )  # fmt: skip

    def test_one_stroke_is_enough(self, hurried: TrainedNetwork) -> None:
        assert np.isfinite(hurried.history[1].loss)
        assert hurried.history[1].loss > 0
        assert all(np.isfinite(weights).all() for weights in hurried.network.get_weights())

    def test_when_its_time_is_over_it_ends_with_the_round(self, hurried: TrainedNetwork, told: list[Any]) -> None:
        assert told == [0, (1, 18), (2, 18), 1]


class TestWindows:
    """The parts of the labelled planes on which models are compared."""

    def sparse(self, slide_of: Callable[..., LabelledSlide], shape: tuple[int, int], *dots: tuple[int, int]) -> Any:
        labels = LabelPlane(shape)
        for y, x in dots:
            labels.write(Box(y, x, y + 1, x + 1), np.ones((1, 1), np.uint8))
        return slide_of(labels, lambda box: np.zeros((*box.shape, 1), np.float32))

    @pytest.mark.parametrize(
        ("shape", "seen"), [((40, 30), (40, 30)), ((300, 2000), (300, 512)), ((2000, 2000), (512, 512))]
    )
    def test_a_window_is_as_large_as_the_plane_allows(
        self, slide_of: Callable[..., LabelledSlide], shape: tuple[int, int], seen: tuple[int, int]
    ) -> None:
        (window,) = validation_windows([self.sparse(slide_of, shape, (shape[0] - 1, shape[1] - 1))])
        assert window.pixels.shape == (*seen, 1)
        assert window.labels.shape == seen
        assert np.argwhere(window.labels == 1).tolist() == [[seen[0] - 1, seen[1] - 1]]

    def test_there_are_at_most_24_spread_over_all_slides(self, slide_of: Callable[..., LabelledSlide]) -> None:
        dots = [(row * TILE, column * TILE) for row in range(8) for column in range(8)]
        slides = [self.sparse(slide_of, (8 * TILE, 8 * TILE), *dots) for _ in range(3)]
        assert len(validation_windows(slides)) == 24
        read = [slide.reader.pixels_read for slide in slides]
        assert min(read) > 0
        assert max(read) <= (8 * TILE) ** 2

    @pytest.mark.parametrize("shape", [(96, 160), (100, 40), (20, 32)])
    def test_of_whole_slides_they_show_what_an_unvaried_patch_does(
        self, slide_from: Callable[..., LabelledSlide], shape: tuple[int, int]
    ) -> None:
        rng = np.random.default_rng(0)
        pixels, labels = rng.random(shape, dtype=np.float32), rng.integers(0, 3, shape, dtype=np.uint8)
        slide = slide_from(pixels, labels)
        (window,) = validation_windows([slide], replace(SHORT, whole=True))
        expected = cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(window.pixels[..., 0], expected, atol=0.03)
        rows, columns = (((np.arange(32) + 0.5) * side / 32).astype(int) for side in shape)
        np.testing.assert_array_equal(window.labels, labels[np.ix_(rows, columns)])

    def test_of_whole_slides_there_are_at_most_24_too(self, slide_from: Callable[..., LabelledSlide]) -> None:
        slides = [
            slide_from(np.full((8, 8), number / 40, np.float32), np.zeros((8, 8), np.uint8)) for number in range(40)
        ]
        windows = validation_windows(slides, replace(SHORT, whole=True))
        assert len(windows) == 24
        assert (windows[0].pixels.max(), windows[-1].pixels.min()) == pytest.approx((0, 39 / 40))

    def test_scores_are_pooled_over_the_labelled_pixels_of_all_windows(
        self, slides: list[LabelledSlide], bright_network: keras.Model
    ) -> None:
        counts = judge(Predictor(bright_network, TINY.architecture), validation_windows(slides))
        assert counts.labelled == sum(slide.shape[0] * slide.shape[1] for slide in slides)
        assert counts.mean_dice > 0.99


def assert_same_weights(one: keras.Model, other: keras.Model) -> None:
    for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


class TestResuming:
    """A training that was stopped after two of four rounds."""

    recipe = replace(
        TINY, architecture=Architecture(depth=1, width=2, dropout=0.5), schedule=replace(SHORT, rounds=4, patience=9)
    )

    @pytest.fixture(scope="class")
    @classmethod
    def straight(cls, slides: list[LabelledSlide]) -> TrainedNetwork:
        return run(slides, cls.recipe)

    @pytest.fixture(scope="class")
    @classmethod
    def stopped(cls, slides: list[LabelledSlide], tmp_path_factory: pytest.TempPathFactory) -> Path:
        place, told = tmp_path_factory.mktemp("run"), []
        run(
            slides, cls.recipe, run=place,
            step=lambda done, _: told.append(done), cancelled=lambda: len(told) >= 2 * SHORT.steps,
        )  # fmt: skip
        return place

    def test_it_goes_on_as_if_it_had_never_stopped(
        self, slides: list[LabelledSlide], straight: TrainedNetwork, stopped: Path
    ) -> None:
        told: list[tuple[int, int]] = []
        resumed = run(slides, self.recipe, resume_from=stopped, step=lambda done, steps: told.append((done, steps)))
        assert told == [(5, 8), (6, 8), (7, 8), (8, 8)]
        assert [report.round for report in resumed.history] == [0, 1, 2, 3, 4]
        for one, other in zip(resumed.history, straight.history, strict=True):
            assert one.loss == pytest.approx(other.loss, abs=1e-5, nan_ok=True)
            assert one.dice == pytest.approx(other.dice, abs=1e-5)
        assert_same_weights(resumed.network, straight.network)
        seconds = [report.seconds for report in resumed.history]
        assert seconds == sorted(seconds)

    def test_there_may_be_more_rounds_than_before(self, slides: list[LabelledSlide], stopped: Path) -> None:
        longer = replace(self.recipe, schedule=replace(self.recipe.schedule, rounds=5))
        assert len(run(slides, longer, resume_from=stopped).history) == 6

    def test_a_training_that_is_over_gives_back_its_best(self, slides: list[LabelledSlide], tmp_path: Path) -> None:
        finished = run(slides, self.recipe, run=tmp_path)
        again = run(slides, self.recipe, resume_from=tmp_path, step=lambda *_: pytest.fail("it trained on"))
        assert again.history[1:] == finished.history[1:]
        assert_same_weights(again.network, finished.network)

    def test_a_folder_without_a_checkpoint_is_told(self, slides: list[LabelledSlide], tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="There is no interrupted training in"):
            run(slides, TINY, resume_from=tmp_path)

    def test_a_damaged_checkpoint_is_told(self, slides: list[LabelledSlide], stopped: Path, tmp_path: Path) -> None:
        (file,) = stopped.iterdir()
        (tmp_path / file.name).write_bytes(file.read_bytes()[:-500])
        with pytest.raises(ModelError, match="is damaged"):
            run(slides, self.recipe, resume_from=tmp_path)

    @pytest.mark.parametrize(
        "other",
        [
            replace(recipe, architecture=Architecture(depth=1, width=3, dropout=0.5)),
            replace(recipe, architecture=Architecture(depth=2, width=2, dropout=0.5)),
            replace(recipe, schedule=replace(recipe.schedule, optimiser="sgd")),
        ],
        ids=["wider", "deeper", "another optimiser"],
    )
    def test_another_network_or_optimiser_cannot_go_on(
        self, slides: list[LabelledSlide], stopped: Path, other: Recipe
    ) -> None:
        with pytest.raises(ModelError, match="was of another network or with another optimiser"):
            run(slides, other, resume_from=stopped)


class Accidents:
    """Stands between a training and its network, and lets steps go wrong."""

    def __init__(self, network: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
        self.network = network
        self.shapes: list[tuple[int, ...]] = []
        self.rates: list[float] = []
        self.nan_at: set[int] = set()
        self.most_pixels = math.inf
        self._train = network.train_on_batch
        monkeypatch.setattr(network, "train_on_batch", self._step)

    def _step(self, pixels: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
        if pixels.size > self.most_pixels:
            raise MemoryError
        self.shapes.append(pixels.shape)
        self.rates.append(float(self.network.optimizer.learning_rate))
        loss = float(self._train(pixels, labels))
        if len(self.shapes) in self.nan_at:
            self.network.set_weights([np.full_like(weights, np.nan) for weights in self.network.get_weights()])
            return math.nan
        return loss


class TestAccidents:
    recipe = replace(TINY, schedule=replace(SHORT, rounds=3, steps=3, decay="none", warmup=0, patience=9))

    @pytest.fixture
    def accidents(self, monkeypatch: pytest.MonkeyPatch) -> Accidents:
        return Accidents(build_or_continue(self.recipe, None, channels=1, classes=2), monkeypatch)

    def train(self, accidents: Accidents, slides: list[LabelledSlide], **options: Any) -> TrainedNetwork:
        windows = validation_windows(slides[-1:])
        return train(accidents.network, slides[:-1], windows, self.recipe, chooses=True, **options)

    def test_a_loss_that_is_no_number_starts_the_round_again_at_half_the_rate(
        self, accidents: Accidents, slides: list[LabelledSlide]
    ) -> None:
        accidents.nan_at = {5}
        result = self.train(accidents, slides)
        assert np.array(accidents.rates) == pytest.approx([0.01] * 5 + [0.005] * 6)
        assert all(np.isfinite(weights).all() for weights in result.network.get_weights())
        assert [bool(report.note) for report in result.history] == [False, False, True, False]
        assert "went back to those of round 1 and the learning rate was halved, to 0.005" in result.history[2].note
        assert all(math.isfinite(report.loss) for report in result.history[1:])

    def test_the_rate_stays_low_when_it_is_resumed(
        self, accidents: Accidents, slides: list[LabelledSlide], tmp_path: Path
    ) -> None:
        accidents.nan_at = {1}
        self.train(accidents, slides, run=tmp_path, cancelled=lambda: len(accidents.rates) >= 4)
        self.train(accidents, slides, resume_from=tmp_path)
        assert accidents.rates[-1] == pytest.approx(0.005)

    def test_weights_that_are_no_numbers_after_the_last_step_are_noticed(
        self, accidents: Accidents, slides: list[LabelledSlide], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ruin = accidents._step

        def step(pixels: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
            loss = ruin(pixels, labels)
            return 1.0 if math.isnan(loss) else loss

        monkeypatch.setattr(accidents.network, "train_on_batch", step)
        accidents.nan_at = {3}
        result = self.train(accidents, slides)
        assert "learning rate was halved" in result.history[1].note
        assert all(np.isfinite(weights).all() for weights in result.network.get_weights())

    def test_it_gives_up_when_the_loss_stays_no_number(self, accidents: Accidents, slides: list[LabelledSlide]) -> None:
        accidents.nan_at = set(range(1, 100))
        with pytest.raises(RecipeError, match=r"failed 9 times in one round.*lower 'schedule.learning_rate'"):
            self.train(accidents, slides)

    def test_a_rate_beyond_all_reason_ends_with_a_sentence(self, slides: list[LabelledSlide]) -> None:
        schedule = replace(SHORT, learning_rate=1e38, clip=0.0, warmup=0, decay="none")
        with pytest.raises(RecipeError, match="The loss was no longer a number"):
            run(slides, replace(TINY, schedule=schedule))

    def test_without_enough_memory_the_batch_is_halved_then_the_patch(
        self, accidents: Accidents, slides: list[LabelledSlide], tmp_path: Path
    ) -> None:
        accidents.most_pixels = 16 * 16
        result = self.train(accidents, slides, run=tmp_path, cancelled=lambda: len(accidents.shapes) == 3)
        assert set(accidents.shapes) == {(1, 16, 16, 1)}
        assert "1 patch(es) of 32 × 32 pixels" in result.history[1].note
        assert "1 patch(es) of 16 × 16 pixels" in result.history[1].note
        assert not any(report.note for report in result.history[2:])
        again = self.train(accidents, slides, resume_from=tmp_path)
        assert not any(report.note for report in again.history[2:]), "what had to be smaller was forgotten"

    def test_without_memory_for_one_small_patch_it_says_what_to_do(
        self, accidents: Accidents, slides: list[LabelledSlide]
    ) -> None:
        accidents.most_pixels = 0
        with pytest.raises(RecipeError, match=r"not enough memory to train on a single patch of 2 × 2.*smaller"):
            self.train(accidents, slides)

    def test_any_other_error_is_not_hidden(
        self, accidents: Accidents, slides: list[LabelledSlide], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> float:
            raise ValueError("a bug")

        monkeypatch.setattr(accidents.network, "train_on_batch", fail)
        with pytest.raises(ValueError, match="a bug"):
            self.train(accidents, slides)


def out_of_memory_errors() -> Iterator[Exception]:
    yield MemoryError()
    yield type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory")
    yield RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate")
    yield RuntimeError("MPS backend out of memory (MPS allocated: 5.00 GB)")
    yield RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried 8 TB"
    )
    yield RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")
    errors = pytest.importorskip("tensorflow").errors
    yield errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


def test_every_backend_s_way_to_be_out_of_memory_is_known() -> None:
    assert all(is_out_of_memory(error) for error in out_of_memory_errors())
    assert not is_out_of_memory(ValueError("out of range"))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_training_at_the_fastest_precision_learns_as_well(
    monkeypatch: pytest.MonkeyPatch, slides: list[LabelledSlide], policy: str
) -> None:
    monkeypatch.setattr("unet_studio.unet.device.fastest_policy", lambda: policy)
    recipe = replace(LEARNING, precision="fastest")
    network = build_or_continue(recipe, None, channels=1, classes=2)
    result = train(network, slides[:-1], validation_windows(slides[-1:]), recipe, chooses=True)
    assert result.dice > 0.9
    assert network.get_layer("down0a_convolution").compute_dtype == policy.removeprefix("mixed_")
    assert all(weights.dtype == np.float32 for weights in result.network.get_weights())


def test_on_a_plateau_the_rate_is_halved(slides: list[LabelledSlide], bright_network: keras.Model) -> None:
    schedule = replace(DESTRUCTIVE.schedule, rounds=8, patience=4, decay="plateau", warmup=0, validation=0.1)
    rates: list[float] = []
    recipe = replace(DESTRUCTIVE, schedule=schedule)
    network = build_or_continue(recipe, bright_network, channels=1, classes=2)
    train(
        network, slides[:-1], validation_windows(slides[-1:]), recipe, chooses=True,
        step=lambda *_: rates.append(float(network.optimizer.learning_rate)),
    )  # fmt: skip
    assert rates == [5.0] * 2 * 2 + [2.5] * 2 * 2


def test_the_curves_are_written_for_tensorboard(slides: list[LabelledSlide], tmp_path: Path) -> None:
    run(slides, replace(TINY, tensorboard=True), run=tmp_path)
    (file,) = (tmp_path / "tensorboard").iterdir()
    content = file.read_bytes()
    for name in (b"loss", b"hold-out Dice", b"learning rate"):
        assert content.count(name) == 3, "one for each round and the model before"


def labelled(shape: tuple[int, int], *dots: tuple[int, int], value: int = 1, ground: int = UNLABELLED) -> Any:
    labels = np.full(shape, ground, np.uint8)
    for y, x in dots:
        labels[y, x] = value
    return labels


@pytest.mark.parametrize(
    "labels",
    [labelled((64, 64), ground=0), labelled((64, 64), (30, 30)), labelled((64, 64), (9, 9), value=2, ground=0)],
    ids=["all background", "one pixel", "a class never labelled"],
)
def test_hardly_any_labels_are_no_reason_to_fail(
    slide_from: Callable[..., LabelledSlide], labels: NDArray[np.uint8]
) -> None:
    recipe = replace(TINY, loss=Loss(balance=10.0, border_weight=10.0))
    slide = slide_from(np.random.default_rng(0).random((64, 64), dtype=np.float32), labels)
    network = build_or_continue(recipe, None, channels=1, classes=3)
    result = train(network, [slide], validation_windows([slide]), recipe, chooses=True)
    assert all(math.isfinite(report.loss) for report in result.history[1:])
    assert math.isnan(result.dice) == (not (labels[labels != UNLABELLED] > 0).any()), "there is nothing to judge"
    assert not any(report.note for report in result.history), "it failed and was repeated"
    assert all(np.isfinite(weights).all() for weights in result.network.get_weights())


@pytest.mark.parametrize("name", sorted(file.stem for file in paths.recipes().glob("*.toml")))
def test_every_shipped_recipe_trains(name: str, slides: list[LabelledSlide]) -> None:
    architecture = replace(load_recipe(name).architecture, width=2, depth=1)
    small = [
        "architecture.width=2",
        "architecture.depth=1",
        "schedule.batch=2",
        "schedule.rounds=2",
        "schedule.steps=1",
    ]
    recipe = load_recipe(name, [*small, f"schedule.patch={architecture.padded_side(24)}"])
    classes = 151 if name == "ade20k-128" else 2
    network = build_or_continue(recipe, None, channels=1, classes=classes)
    before = network.get_weights()
    to_learn, kept_out = set_aside(slides, recipe)
    assert bool(kept_out) == bool(recipe.schedule.validation)
    moved: list[bool] = []
    result = train(
        network, to_learn, validation_windows(kept_out or slides[-1:], recipe.schedule), recipe, chooses=True,
        report=lambda *_: moved.append(not all(map(np.array_equal, before, network.get_weights()))),
    )  # fmt: skip
    assert moved == [False, True, True]
    assert all(math.isfinite(report.loss) for report in result.history[1:])
    assert not any(report.note for report in result.history)


class TestSettingAside:
    """Slides that a recipe sets aside to choose a round on."""

    def slides_named(self, slide_from: Callable[..., LabelledSlide], *names: str) -> list[LabelledSlide]:
        return [slide_from(np.zeros((8, 8), np.float32), labelled((8, 8), (1, 1)), name) for name in names]

    @pytest.mark.parametrize(
        ("count", "share", "kept"), [(30, 0.2, 6), (2, 0.2, 1), (2, 0.9, 1), (1, 0.5, 0), (5, 0, 0)]
    )
    def test_so_many_are_set_aside(
        self, slide_from: Callable[..., LabelledSlide], count: int, share: float, kept: int
    ) -> None:
        slides = self.slides_named(slide_from, *(f"{number}.png" for number in range(count)))
        recipe = replace(TINY, schedule=replace(SHORT, validation=share))
        training, kept_out = set_aside(slides, recipe)
        assert (len(training), len(kept_out)) == (count - kept, kept)
        assert {id(slide) for slide in training + kept_out} == {id(slide) for slide in slides}
        assert [s.plane for s in set_aside(slides, recipe)[1]] == [s.plane for s in kept_out]

    def test_planes_of_a_slide_stay_together(self, slide_from: Callable[..., LabelledSlide]) -> None:
        slides = self.slides_named(slide_from, "a.tif", "b.tif", "a.tif", "c.tif", "b.tif")
        recipe = replace(TINY, schedule=replace(SHORT, validation=0.4))
        training, kept_out = set_aside(slides, recipe)
        assert not {s.plane.slide for s in training} & {s.plane.slide for s in kept_out}
        assert kept_out


TWICE = """
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[1])
from conftest import CountingReader
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.models.normalisation import Normalisation, Range
from unet_studio.core.tiles import Box
from unet_studio.unet.training.patches import LabelledSlide
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.architecture import build_or_continue
from unet_studio.unet.training.rounds import train
from unet_studio.unet.training.validation import validation_windows

rng = np.random.default_rng(0)
pixels = rng.random((96, 96, 1), dtype=np.float32)
plane = LabelPlane((96, 96))
plane.write(Box(0, 0, 96, 96), (pixels[..., 0] > 0.5).astype(np.uint8))
reader = CountingReader((96, 96), 1, lambda box: pixels[box.slices].copy())
slide = LabelledSlide(
    PlaneId("memory"), reader, plane, Normalisation(1), Range((0.0,), (1.0,)), sorted(plane.cells)
)
recipe = Recipe.from_dict({
    "architecture": {"depth": 2, "width": 8, "dropout": 0.3},
    "schedule": {"rounds": 3, "steps": 4, "patch": 64, "patience": 9},
})

def weights(**options):
    network = build_or_continue(recipe, None, channels=1, classes=2)
    train(network, [slide], validation_windows([slide]), recipe, chooses=True, **options)
    return b"".join(weights.tobytes() for weights in network.get_weights())

run = Path(sys.argv[2])
told = []
first = weights()
assert weights() == first, "two runs differ"
weights(run=run, step=lambda *_: told.append(1), cancelled=lambda: len(told) >= 4)
assert weights(resume_from=run) == first, "a resumed run differs"
"""


@pytest.mark.slow
def test_two_runs_and_a_resumed_one_agree_bit_for_bit(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TWICE, str(Path(__file__).parents[1]), str(tmp_path)]
    on_cpu = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=on_cpu)
    assert done.returncode == 0, done.stderr[-2000:]
