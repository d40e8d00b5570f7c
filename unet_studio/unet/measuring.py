"""Measures how fast this computer proposes and trains."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

import keras
import numpy as np

from unet_studio.core.models.cards import ModelCard
from unet_studio.unet.architecture import build_or_continue
from unet_studio.unet.device import avoid_xla
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Recipe
from unet_studio.unet.training.losses import make_loss
from unet_studio.unet.weights import architecture_of, load_fast_network, load_network

_SIDE = 512
_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds for a proposal of 512 × 512 pixels, and for one training step of a recipe."""

    proposal: float
    step: float


def measure_speed(card: ModelCard, recipe: Recipe) -> Speed:
    """Propose and train on noise with a model's network, at the recipe's precision; the model stays as it is."""
    recipe = replace(recipe, architecture=architecture_of(card))
    network = build_or_continue(
        recipe, load_network(card), channels=card.normalisation.channels, classes=len(card.classes)
    )
    predictor = Predictor(load_fast_network(card), architecture_of(card))
    noise = np.random.default_rng(0)
    pixels = noise.random((_SIDE, _SIDE, card.normalisation.channels), dtype=np.float32)
    proposal = _seconds(lambda: predictor.probabilities(pixels))
    schedule = recipe.schedule
    patches = noise.random(
        (schedule.batch, schedule.patch, schedule.patch, card.normalisation.channels), dtype=np.float32
    )
    labels = noise.integers(len(card.classes), size=patches.shape[:3], dtype=np.uint8)
    loss = replace(recipe.loss, teacher=0.0, border_weight=0.0)  # of which noise has neither; they cost a step nothing
    network.compile(optimizer=keras.optimizers.Adam(), loss=make_loss(loss, len(card.classes)))
    avoid_xla(network)
    return Speed(proposal, _seconds(lambda: network.train_on_batch(patches, labels)))


def _seconds(work: Callable[[], object]) -> float:
    """The median time of a few runs after a first one, in which the network is compiled."""
    work()
    times = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return median(times)
