"""Training: it learns, it keeps the best, and it can be repeated and stopped."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.labels import LabelPlane
from unet_studio.core.tiles import TILE, Box
from unet_studio.unet.patches import LabelledSlide
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Architecture, Recipe, Schedule
from unet_studio.unet.training import TrainingResult, build_or_continue, judge, judged_windows, train

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
    drawn = [spots(seed) for seed in range(4)]
    return [slide_from((pixels / 255).astype(np.float32), truth) for pixels, truth in drawn]


def run(
    slides: list[LabelledSlide], recipe: Recipe, start: keras.Model | None = None, **options: Any
) -> TrainingResult:
    network = build_or_continue(recipe, start, channels=1, classes=2)
    return train(network, slides[:-1], judged_windows(slides[-1:]), recipe, **options)


def judged_again(result: TrainingResult, slides: list[LabelledSlide]) -> float:
    return judge(Predictor(result.network, multiple=2), judged_windows(slides[-1:])).mean_dice


@pytest.fixture(scope="module")
def learned(slides: list[LabelledSlide]) -> TrainingResult:
    return run(slides, LEARNING)


@pytest.fixture(scope="module")
def ruined(slides: list[LabelledSlide], bright_network: keras.Model) -> TrainingResult:
    return run(slides, DESTRUCTIVE, bright_network)


def test_a_simple_task_is_learned_in_seconds(learned: TrainingResult) -> None:
    assert learned.dice > 0.9
    assert learned.dice > learned.dice_before


def test_the_network_that_is_returned_scores_what_is_said_of_it(
    learned: TrainingResult, slides: list[LabelledSlide]
) -> None:
    assert judged_again(learned, slides) == pytest.approx(learned.dice, abs=1e-6)


def test_the_history_tells_of_every_round_and_of_the_model_before(learned: TrainingResult) -> None:
    assert [report.round for report in learned.history] == [0, 1, 2, 3]
    assert {report.rounds for report in learned.history} == {3}
    assert learned.dice_before == learned.history[0].dice
    assert math.isnan(learned.history[0].loss)
    assert learned.history[3].loss < learned.history[1].loss
    assert [report.best for report in learned.history] == [
        all(report.dice > earlier.dice for earlier in learned.history[:index])
        for index, report in enumerate(learned.history)
    ]
    seconds = [report.seconds for report in learned.history]
    assert seconds == sorted(seconds)


def test_the_same_seed_gives_the_same_training(learned: TrainingResult, slides: list[LabelledSlide]) -> None:
    again = run(slides, LEARNING)
    for one, other in zip(again.history, learned.history, strict=True):
        assert one.dice == pytest.approx(other.dice, abs=1e-6)
        assert one.loss == pytest.approx(other.loss, abs=1e-6, nan_ok=True)


def test_a_warm_start_begins_with_the_network_it_starts_from(ruined: TrainingResult) -> None:
    assert ruined.dice_before > 0.99


def test_a_training_that_only_does_harm_gives_back_what_it_began_with(
    ruined: TrainingResult, bright_network: keras.Model, slides: list[LabelledSlide]
) -> None:
    assert all(report.dice < 0.9 for report in ruined.history[1:]), "the training did no harm, so this shows nothing"
    assert ruined.dice == ruined.dice_before
    for kept, first in zip(ruined.network.get_weights(), bright_network.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, first)


def test_the_model_that_a_training_starts_from_stays_as_it_is(
    ruined: TrainingResult, bright_network: keras.Model
) -> None:
    logits = bright_network.get_layer("logits").get_weights()
    np.testing.assert_array_equal(logits[1], [0, -20])
    assert ruined.network is not bright_network


def test_it_ends_after_so_many_rounds_without_a_better_score(ruined: TrainingResult) -> None:
    assert len(ruined.history) == 1 + DESTRUCTIVE.schedule.patience


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
    def hurried(cls, slide_from: Callable[..., LabelledSlide], told: list[Any]) -> TrainingResult:
        labels = np.full((64, 64), UNLABELLED, np.uint8)
        labels[30:33, 10:40] = 1
        slide = slide_from(np.random.default_rng(0).random((64, 64), dtype=np.float32), labels)
        recipe = replace(TINY, schedule=replace(SHORT, rounds=9, seconds=1e-3))
        return run(
            [slide, slide], recipe,
            report=lambda report, _: told.append(report.round), step=lambda done, steps: told.append((done, steps)),
        )  # fmt: skip

    def test_one_stroke_is_enough(self, hurried: TrainingResult) -> None:
        assert np.isfinite(hurried.history[1].loss)
        assert hurried.history[1].loss > 0
        assert all(np.isfinite(weights).all() for weights in hurried.network.get_weights())

    def test_when_its_time_is_over_it_ends_with_the_round(self, hurried: TrainingResult, told: list[Any]) -> None:
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
        (window,) = judged_windows([self.sparse(slide_of, shape, (shape[0] - 1, shape[1] - 1))])
        assert window.pixels.shape == (*seen, 1)
        assert window.labels.shape == seen
        assert np.argwhere(window.labels == 1).tolist() == [[seen[0] - 1, seen[1] - 1]]

    def test_there_are_at_most_24_spread_over_all_slides(self, slide_of: Callable[..., LabelledSlide]) -> None:
        dots = [(row * TILE, column * TILE) for row in range(8) for column in range(8)]
        slides = [self.sparse(slide_of, (8 * TILE, 8 * TILE), *dots) for _ in range(3)]
        assert len(judged_windows(slides)) == 24
        read = [slide.reader.pixels_read for slide in slides]
        assert min(read) > 0
        assert max(read) <= (8 * TILE) ** 2

    def test_scores_are_pooled_over_the_labelled_pixels_of_all_windows(
        self, slides: list[LabelledSlide], bright_network: keras.Model
    ) -> None:
        counts = judge(Predictor(bright_network, multiple=2), judged_windows(slides))
        assert counts.labelled == sum(slide.shape[0] * slide.shape[1] for slide in slides)
        assert counts.mean_dice > 0.99
