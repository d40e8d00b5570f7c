"""What tests of several folders share: no screen, quiet libraries, small slides, and a model with known weights."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before anything imports Qt
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before anything imports TensorFlow

import cv2
import numpy as np
import pytest
import tomli_w
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED, make_classes
from unet_studio.core.editing.strokes import make_edit
from unet_studio.core.labels.plane import PlaneId, PlaneState
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.store import Project
from unet_studio.core.tiles import Box
from unet_studio.unet.recipes import Architecture, Recipe, Schedule

if TYPE_CHECKING:  # the tests of the window start faster without it
    import keras

SIDE = 64


def draw_spots(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Bright discs on a dark ground: pixels (64, 64) and their true classes."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((SIDE, SIDE), np.uint8)
    for y, x in rng.integers(8, SIDE - 8, (4, 2)):
        cv2.circle(truth, (int(x), int(y)), int(rng.integers(4, 9)), 1, thickness=-1)
    pixels = 40 + 150 * truth + rng.integers(0, 30, truth.shape)
    return pixels.astype(np.uint8), truth


@pytest.fixture(scope="session")
def spots() -> Callable[[int], tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Draw a slide of spots from a seed: pixels and true classes."""
    return draw_spots


@pytest.fixture
def truths() -> dict[str, NDArray[np.uint8]]:
    """The true classes of the slides in `folder`."""
    return {name: draw_spots(seed)[1] for seed, name in enumerate(("a.png", "b.png", "sub/c.png"))}


@pytest.fixture
def folder(tmp_path: Path, truths: dict[str, NDArray[np.uint8]]) -> Path:
    """Three slides of spots."""
    place = tmp_path / "slides"
    for seed, name in enumerate(truths):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / name), draw_spots(seed)[0])
    return place


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    with Project.open(folder) as opened:
        opened.set_classes(make_classes("spot"))
        yield opened


@pytest.fixture
def paint(project: Project) -> Callable[[str, NDArray[np.uint8]], None]:
    """Give a slide its labels, as a person would."""

    def paint_slide(slide: str, labels: NDArray[np.uint8]) -> None:
        before = np.full_like(labels, UNLABELLED)
        box = Box.of_shape(labels.shape)
        states = {"state_before": PlaneState.NEW, "state_after": PlaneState.CORRECTED}
        edit = make_edit(PlaneId(slide), box, before, labels, "brush", **states)
        assert edit is not None
        project.record(project.next_edit_id(), edit, labels.shape)

    return paint_slide


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """A training of a second or two."""
    schedule = Schedule(rounds=2, steps=3, batch=2, patch=32, learning_rate=1e-2, warmup=1, ema=0.5)
    return Recipe("tiny", architecture=Architecture(depth=1, width=2), schedule=schedule)


@pytest.fixture
def recipe_file(recipe: Recipe, tmp_path: Path) -> Path:
    file = tmp_path / "tiny.toml"
    file.write_text(tomli_w.dumps(recipe.as_dict()), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def bright_network(recipe: Recipe) -> "keras.Model":
    """A U-Net whose weights say: spot where the pixel is brighter than one half, whatever is around it."""
    from unet_studio.unet.architecture import build_unet

    network = build_unet(recipe.architecture, channels=1, classes=2)
    for layer in network.layers:
        layer.set_weights([np.zeros_like(weights) for weights in layer.get_weights()])
    for name in ("down0a", "down0b", "up0a", "up0b"):
        _set_weight(network.get_layer(f"{name}_convolution"), (1, 1, 0, 0), 1.0)
    network.get_layer("logits").set_weights([_kernel(recipe.architecture.width), np.array([0.0, -20.0])])
    return network


@pytest.fixture(scope="session")
def bright(bright_network: "keras.Model", recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    """The published model of `bright_network`."""
    from unet_studio.unet.weights import publish

    place = tmp_path_factory.mktemp("models") / "bright"
    normalisation = Normalisation(channels=1, low=0.0, high=100.0)
    card = ModelCard("bright", "Bright", make_classes("spot"), normalisation, recipe.as_dict(), place, created="2024")
    return publish(card, bright_network, [])


@pytest.fixture
def change_card() -> Callable[..., ModelCard]:
    """Rewrite the card of a model with other facts."""

    def change(card: ModelCard, **facts: Any) -> ModelCard:
        changed = replace(card, **facts)
        changed.write()
        return changed

    return change


def _set_weight(layer: Any, index: tuple[int, ...], value: float) -> None:
    kernel, *others = layer.get_weights()
    kernel[index] = value
    layer.set_weights([kernel, *others])


def _kernel(width: int) -> NDArray[np.float32]:
    kernel = np.zeros((1, 1, width, 2), np.float32)
    kernel[0, 0, 0, 1] = 40.0
    return kernel


@pytest.fixture(autouse=True)
def _own_settings_and_no_window_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test of the window touches the user's settings, or leaves a window open."""
    if not {"qtbot", "qapp"} & set(request.fixturenames):
        yield
        return
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication

    folder = str(request.getfixturevalue("tmp_path") / "settings")
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    for kind in (QSettings.Format.IniFormat, QSettings.Format.NativeFormat):
        for scope in (QSettings.Scope.UserScope, QSettings.Scope.SystemScope):
            QSettings.setPath(kind, scope, folder)
    yield
    left_open = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
    names = [f"{type(widget).__name__} {widget.windowTitle()!r}" for widget in left_open]
    for widget in left_open:
        widget.close()
    assert not names, f"left open: {', '.join(names)}"
