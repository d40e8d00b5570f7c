"""Reading a model's network from its folder, and publishing a new model."""

import csv
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras

from unet_studio.core.files import publish_folder
from unet_studio.core.models.cards import WEIGHTS, ModelCard
from unet_studio.core.models.notes import write_learned_slides
from unet_studio.errors import ModelError
from unet_studio.protocol.values import Round
from unet_studio.unet import device
from unet_studio.unet.architecture import build_unet
from unet_studio.unet.recipes import Architecture, Recipe


def architecture_of(card: ModelCard) -> Architecture:
    """The architecture that the card's recipe names."""
    return Recipe.from_dict(card.recipe).architecture


def load_network(card: ModelCard) -> keras.Model:
    """The model's network, not compiled; raises `ModelError` if the file is damaged or contradicts the card."""
    try:
        network = keras.saving.load_model(card.weights, compile=False)
    except Exception as error:  # Keras raises whatever its readers raise
        raise ModelError(
            f"The network of the model '{card.title}' can't be read from '{card.weights}' ({_first_line(error)}). "
            "Choose another model, or copy this one from its source again."
        ) from error
    halvings = sum(isinstance(layer, keras.layers.MaxPooling2D) for layer in network.layers)
    received = (network.input_shape[-1], network.output_shape[-1], halvings)
    expected = (card.normalisation.channels, len(card.classes), architecture_of(card).depth)
    if received != expected:
        raise ModelError(
            f"The model '{card.title}' contradicts its card: the card says {_facts(expected)}, "
            f"the network has {_facts(received)}. Choose another model."
        )
    return network


def load_fast_network(card: ModelCard) -> keras.Model:
    """The network for proposing: in bfloat16 where this computer is faster with it. Errors as for `load_network`."""
    network = load_network(card)
    if device.fastest_policy() == "float32":
        return network
    with device.fastest_precision():
        fast = build_unet(architecture_of(card), channels=card.normalisation.channels, classes=len(card.classes))
    fast.set_weights(network.get_weights())
    return fast


def publish(
    card: ModelCard, network: keras.Model, history: Sequence[Round], learned: Iterable[str] | None = None
) -> ModelCard:
    """Write network, card and history into `card.folder`; a reader sees the finished folder or none.

    `learned` are the slides that it learned from, where that is known.

    Once this returns the model is on the disk itself, so that what it was trained from may go. Raises `ModelError`
    where it can't be written.
    """
    beside = card.folder.with_name(f".{card.folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        _write_model(beside, card, network, history)
        if learned is not None:
            write_learned_slides(beside, learned)
        publish_folder(beside, card.folder)
    except OSError as error:
        raise ModelError(
            f"The new model could not be written to '{card.folder}' ({_first_line(error)}). "
            "Free some space or ask for permission to write there, then train again."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return card


def _write_model(folder: Path, card: ModelCard, network: keras.Model, history: Sequence[Round]) -> None:
    folder.mkdir(parents=True)
    plain = build_unet(
        architecture_of(card), channels=card.normalisation.channels, classes=len(card.classes)
    )  # a fresh copy carries no optimiser state, which would treble the file
    plain.set_weights(network.get_weights())
    plain.save(folder / WEIGHTS)
    card.moved_to(folder).write()
    _write_history(folder / "history.csv", history)


def _write_history(file: Path, history: Sequence[Round]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["round", "loss", "dice", "seconds"])
        writer.writerows([r.round, f"{r.loss:.5f}", f"{r.dice:.5f}", f"{r.seconds:.1f}"] for r in history)


def _facts(facts: tuple[int, int, int]) -> str:
    return f"{facts[0]} channels, {facts[1]} classes and {facts[2]} halvings"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
