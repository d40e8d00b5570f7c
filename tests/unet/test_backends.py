"""Other backends of Keras: what one of them learned, another proposes alike; and the engine's tests pass on it."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from unet_studio.core.classes import make_classes
from unet_studio.core.models.cards import ModelCard, bundled_models, read_card
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.unet.architecture import build_or_continue
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Architecture, Recipe, Schedule
from unet_studio.unet.training.patches import LabelledSlide
from unet_studio.unet.training.rounds import train
from unet_studio.unet.training.validation import validation_windows
from unet_studio.unet.weights import architecture_of, load_network, publish

HERE = Path(__file__).parent
OTHERS = [
    name
    for name in ("tensorflow", "jax", "torch")
    if name != keras.backend.backend() and importlib.util.find_spec(name) is not None
] or [pytest.param("none", marks=pytest.mark.skip("Keras has no second backend here."))]
RECIPE = Recipe(
    "of all layers",
    architecture=Architecture(
        depth=1, width=4, normalisation="batch", residual=True, dropout=0.2, atrous=(2,), upsampling="nearest"
    ),
    schedule=Schedule(rounds=2, steps=4, batch=2, patch=32, learning_rate=1e-2, warmup=1, ema=0.5),
)
"""Its network has the layers that the starter models don't have."""
STARTER = bundled_models()[0]
ENGINE = (
    "training/test_losses.py",
    "training/test_optimisers.py",
    "training/test_rounds.py::TestAccidents::test_a_loss_that_is_no_number_starts_the_round_again_at_half_the_rate",
    "training/test_rounds.py::TestAccidents::test_without_enough_memory_the_batch_is_halved_then_the_patch",
    "training/test_rounds.py::TestResuming::test_it_goes_on_as_if_it_had_never_stopped",
)
"""Where backends differ: in what a step computes, and in how the state of a training is kept."""

ELSEWHERE = """
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[1])
from conftest import CountingReader
from test_backends import learn, pixels_for, say
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.models.cards import read_card
from unet_studio.core.models.normalisation import Normalisation, Range
from unet_studio.core.tiles import Box
from unet_studio.unet.training.patches import LabelledSlide

pixels = pixels_for(1)
plane = LabelPlane((96, 96))
plane.write(Box(0, 0, 96, 96), (pixels[..., 0] > 0.4).astype(np.uint8))
reader = CountingReader((96, 96), 1, lambda box: pixels[box.slices].copy())
slide = LabelledSlide(PlaneId("memory"), reader, plane, Normalisation(1), Range((0.0,), (1.0,)), sorted(plane.cells))
place, *models = map(Path, sys.argv[2:])
say(learn(slide, place / "there"), place)
for model in models:
    say(read_card(model), place)
"""
"""Learn, and write what the new model proposes, and what others do."""


def pixels_for(channels: int) -> NDArray[np.float32]:
    """Smooth blobs (96, 96, channels) of 0…1 or so."""
    noise = np.random.default_rng(0).random((96, 96, channels), dtype=np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 5).reshape(noise.shape)
    return ((smooth - smooth.mean()) / smooth.std() / 4 + 0.4).astype(np.float32)


def learn(slide: LabelledSlide, folder: Path) -> ModelCard:
    """Train the network of all layers for a moment, and publish it."""
    network = build_or_continue(RECIPE, None, channels=1, classes=2)
    result = train(network, [slide], validation_windows([slide]), RECIPE, chooses=True)
    card = ModelCard(folder.name, "New", make_classes("blob"), Normalisation(1), RECIPE.as_dict(), folder)
    return publish(card, result.network, result.history)


def say(card: ModelCard, place: Path) -> None:
    """Write what the model proposes, before and after it is rounded to bytes."""
    predictor, pixels = Predictor(load_network(card), architecture_of(card)), pixels_for(card.normalisation.channels)
    np.savez(place / f"{card.id}.npz", logits=predictor.logits(pixels), proposal=predictor.probabilities(pixels))


@pytest.fixture(scope="module")
def here(slide_from: Callable[..., LabelledSlide], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a model was learned on this backend."""
    place, pixels = tmp_path_factory.mktemp("here"), pixels_for(1)[..., 0]
    learn(slide_from(pixels, (pixels > 0.4).astype(np.uint8)), place / "here")
    return place


@pytest.fixture(scope="module", params=OTHERS)
def elsewhere(request: pytest.FixtureRequest, here: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where another backend learned a model, and said what that one proposes, what `here`'s does and the starter."""
    place = tmp_path_factory.mktemp(request.param)
    run_on(request.param, "-c", ELSEWHERE, str(HERE), str(place), str(here / "here"), str(STARTER.folder))
    return place


def run_on(backend: str, *arguments: str) -> None:
    """Run Python on this backend; JAX compiles most of the time, so its optimisations are off."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    exponentials = np.exp(logits.astype(np.float64))
    shares: NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return shares


@pytest.mark.slow
@pytest.mark.parametrize("name", ["here", "there", STARTER.id])
def test_a_model_proposes_the_same_on_every_backend(name: str, here: Path, elsewhere: Path) -> None:
    folders = {"here": here / "here", "there": elsewhere / "there", STARTER.id: STARTER.folder}
    say(read_card(folders[name]), here)
    with np.load(here / f"{name}.npz") as mine, np.load(elsewhere / f"{name}.npz") as theirs:
        one, other = softmax(mine["logits"]), softmax(theirs["logits"])
        assert np.ptp(one[..., 1]) > 0.1, "there is nothing to tell apart"
        np.testing.assert_allclose(one, other, atol=1e-4, rtol=0)
        assert np.abs(mine["proposal"].astype(int) - theirs["proposal"]).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("backend", OTHERS)
def test_losses_optimisers_and_trainings_pass_on_every_backend(backend: str, tmp_path: Path) -> None:
    tests = [str(HERE / name) for name in ENGINE]
    run_on(backend, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "tests"), *tests)
