"""Models on disk: published whole or not at all, and read with a sentence for whatever is wrong."""

import csv
import errno
import io
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest

from unet_studio.core.classes import make_classes
from unet_studio.core.models.cards import CARD, WEIGHTS, ModelCard, bundled_models, project_models, read_card
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.errors import ModelError
from unet_studio.protocol.values import Round
from unet_studio.unet.architecture import build_unet
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.recipes import Architecture, Recipe
from unet_studio.unet.weights import architecture_of, load_fast_network, load_network, publish

WIDE = Recipe("wide", architecture=Architecture(depth=2, width=16))


@pytest.fixture
def model(bright: ModelCard, tmp_path: Path) -> ModelCard:
    """A copy of a model that a test may spoil."""
    return read_card(Path(shutil.copytree(bright.folder, tmp_path / "models" / "bright")))


def card_for(recipe: Recipe, folder: Path) -> ModelCard:
    return ModelCard("new", "New", make_classes("spot"), Normalisation(1), recipe.as_dict(), folder)


def test_a_published_model_gives_the_same_answers_when_read(model: ModelCard, bright_network: keras.Model) -> None:
    pixels = np.random.default_rng(0).random((1, 8, 8, 1), dtype=np.float32)
    read, published = (network.predict_on_batch(pixels) for network in (load_network(model), bright_network))
    np.testing.assert_array_equal(read, published)
    assert architecture_of(model) == Architecture(depth=1, width=2)


def test_a_published_folder_holds_network_card_and_history_and_no_more(tmp_path: Path, recipe: Recipe) -> None:
    network = build_unet(recipe.architecture, channels=1, classes=2)
    history = [Round(0, 2, float("nan"), 0.25, 0.0, True), Round(1, 2, 0.5, 0.75, 1.5, True)]
    card = publish(card_for(recipe, tmp_path / "models" / "new"), network, history)
    assert sorted(file.name for file in card.folder.iterdir()) == [CARD, "history.csv", WEIGHTS]
    assert [folder.name for folder in card.folder.parent.iterdir()] == ["new"]
    assert read_card(card.folder) == card
    with (card.folder / "history.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["round"] for row in rows] == ["0", "1"]
    assert [float(row["dice"]) for row in rows] == [0.25, 0.75]


def test_a_published_network_carries_no_optimiser_state(tmp_path: Path) -> None:
    network = build_unet(WIDE.architecture, channels=1, classes=2)
    network.compile(keras.optimizers.Adam(use_ema=True), loss="mse", run_eagerly=True)
    network.train_on_batch(np.ones((1, 8, 8, 1), np.float32), np.ones((1, 8, 8, 2), np.float32))
    card = publish(card_for(WIDE, tmp_path / "new"), network, [])
    weights = sum(array.nbytes for array in network.get_weights())
    assert weights < card.weights.stat().st_size < 1.5 * weights
    for kept, trained in zip(load_network(card).get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, trained)


def test_publishing_again_replaces_the_model(model: ModelCard, bright_network: keras.Model) -> None:
    publish(replace(model, title="Brighter"), bright_network, [])
    assert read_card(model.folder).title == "Brighter"


@pytest.mark.parametrize("culprit", [(ModelCard, "write"), (Path, "rename")], ids=["while writing", "while renaming"])
def test_a_failure_leaves_no_half_model_and_keeps_the_old_one(
    model: ModelCard, bright_network: keras.Model, monkeypatch: pytest.MonkeyPatch, culprit: tuple[type, str]
) -> None:
    if culprit[1] == "rename":
        shutil.rmtree(model.folder)

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(*culprit, fail)
        with pytest.raises(ModelError, match=r"No space left on device.*Free some space"):
            publish(model, bright_network, [])
    left = [file.name for file in model.folder.parent.iterdir()]
    assert left == ([] if culprit[1] == "rename" else ["bright"])


def test_what_a_killed_process_left_is_no_model_and_is_swept_away(
    model: ModelCard, bright_network: keras.Model
) -> None:
    place = model.folder.parent.parent
    shutil.copytree(model.folder, model.folder.with_name(".bright.part"))
    assert [card.folder for card in project_models(place)] == [model.folder]
    publish(model, bright_network, [])
    assert [file.name for file in model.folder.parent.iterdir()] == ["bright"]


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def without_weights(data: bytes) -> bytes:
    """The same archive with a weights file that is no HDF5."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w") as spoilt:
        for name in source.namelist():
            spoilt.writestr(name, b"no weights" if name.endswith(".h5") else source.read(name))
    return target.getvalue()


@pytest.mark.parametrize("spoil", [truncated, without_weights, lambda _: b"", lambda _: b"<html>404</html>"])
def test_a_damaged_network_is_told_with_what_to_do(model: ModelCard, spoil: Callable[[bytes], bytes]) -> None:
    model.weights.write_bytes(spoil(model.weights.read_bytes()))
    with pytest.raises(ModelError) as caught:
        load_network(model)
    assert "The network of the model 'Bright' can't be read" in str(caught.value)
    assert "Choose another model, or copy this one from its source again." in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_network_is_told(model: ModelCard) -> None:
    model.weights.unlink()
    with pytest.raises(ModelError, match="can't be read"):
        load_network(model)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"classes": make_classes("axon", "myelin")}, "1 channels, 3 classes and 1 halvings"),
        ({"normalisation": Normalisation(3)}, "3 channels, 2 classes and 1 halvings"),
        ({"recipe": {"name": "deep", "architecture": {"depth": 3}}}, "1 channels, 2 classes and 3 halvings"),
    ],
    ids=["classes", "channels", "depth"],
)
def test_a_card_that_contradicts_its_network_is_refused(model: ModelCard, facts: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_network(replace(model, **facts))
    assert "The model 'Bright' contradicts its card" in str(caught.value)
    assert f"the card says {said}" in str(caught.value)
    assert "the network has 1 channels, 2 classes and 1 halvings" in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"id = ", b"\xff\xfe\0", b"classes = 3\nnormalisation = 4"], ids=["empty", "cut", "bytes", "other"]
)
def test_a_damaged_card_is_told(model: ModelCard, content: bytes) -> None:
    (model.folder / CARD).write_bytes(content)
    with pytest.raises(ModelError, match="isn't a model of U-Net Studio"):
        read_card(model.folder)
    assert project_models(model.folder.parent.parent) == []


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_the_fast_network_proposes_nearly_the_same(monkeypatch: pytest.MonkeyPatch, policy: str) -> None:
    card = bundled_models()[0]
    monkeypatch.setattr("unet_studio.unet.device.fastest_policy", lambda: policy)
    usual = keras.config.dtype_policy()
    fast, exact = load_fast_network(card), load_network(card)
    assert keras.config.dtype_policy() == usual
    assert fast.get_layer("down0a_convolution").compute_dtype == policy.removeprefix("mixed_")
    assert fast.output.dtype == "float32"
    smooth = cv2.GaussianBlur(np.random.default_rng(0).random((96, 96, 1), dtype=np.float32), (0, 0), 5)
    pixels = ((smooth - smooth.mean()) / smooth.std() / 4 + 0.4).astype(np.float32)[..., None]
    one, other = (Predictor(network, architecture_of(card)).probabilities(pixels) for network in (fast, exact))
    assert 0.02 < (other > 127).mean() < 0.98, "there is something to tell apart"
    assert np.abs(one.astype(int) - other).max() <= (0 if policy == "float32" else 8)
