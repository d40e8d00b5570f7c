"""Models as the whole program sees them: a folder with weights, and the card that says what they are."""

import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from unet_studio import paths
from unet_studio.core.classes import MAX_CLASSES, LabelClass
from unet_studio.core.files import is_plain_name, read_small_text
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.slides.reader import Pixels
from unet_studio.errors import ModelError
from unet_studio.protocol.fields import FieldError, build

CARD = "card.toml"
WEIGHTS = "model.keras"
_KINDS: dict[str, type] = dict.fromkeys(("id", "title", "created", "parent", "data", "credits"), str) | {
    "temperature": float
}
"""What the facts of a card are; the others are tables."""
_STAINED_BRIGHTNESS, _STAINED_COLOUR = 0.5, 0.2
"""How bright a stained slide's median pixel is at least, and how far apart the channels of its most coloured tenth are,
relative to its brightest pixels: 42 of them had 0.64 and 0.25 or more, 43 slides of fluorescence 0.22 and 0 or less."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """All there is to know of a model without loading it; `folder` is where it lies.

    The network's logits are divided by `temperature` so that its probabilities are calibrated.
    """

    id: str
    title: str
    classes: tuple[LabelClass, ...]
    normalisation: Normalisation
    recipe: dict[str, Any]
    folder: Path
    created: str = ""
    parent: str = ""
    data: str = ""
    credits: str = ""
    temperature: float = 1.0
    scores: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_plain_name(self.id) or (self.parent and not is_plain_name(self.parent)):
            raise ValueError(f"'{self.id}' or '{self.parent}' can't be a model's id, which is the name of a folder")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0, received {self.temperature}")

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS

    @property
    def is_bundled(self) -> bool:
        return self.folder.parent == paths.resources() / "models"

    @property
    def date(self) -> str:
        """When it was made, in local time and to the minute; as it is written where that is no date."""
        try:
            return f"{datetime.fromisoformat(self.created).astimezone():%Y-%m-%d %H:%M}"
        except ValueError:
            return self.created

    @property
    def learned_from(self) -> str:
        """What it learned from, for a person: without the fingerprint of the labels, with marks in large numbers."""
        facts = self.data.partition(", labels ")[0].replace(" labelled pixels", " pixels")
        return re.sub(r"\d{4,}", lambda number: f"{int(number[0]):,}", facts)

    def check_fits(self, classes: tuple[LabelClass, ...]) -> None:
        """Raise `ModelError` unless the model tells the same classes apart as the project."""
        if [c.name for c in classes] != [c.name for c in self.classes]:
            raise ModelError(
                f"The model '{self.title}' knows {_names(self.classes)}, but this project has {_names(classes)}. "
                "Choose another model, change the project's classes, or retrain from scratch."
            )

    def write(self) -> None:
        """Write the card into the model's folder."""
        content = asdict(self)
        del content["folder"]
        (self.folder / CARD).write_text(tomli_w.dumps(content), encoding="utf-8")

    def moved_to(self, folder: Path) -> "ModelCard":
        return replace(self, folder=folder)


def read_card(folder: Path) -> ModelCard:
    """The card of the model in `folder`; raises `ModelError` where there is none or it makes no sense."""
    try:
        return _parse_card(tomllib.loads(read_small_text(folder / CARD)), folder)
    except (OSError, ValueError, KeyError, TypeError, FieldError, RecursionError) as error:
        raise ModelError(
            f"'{folder}' isn't a model of U-Net Studio: its {CARD} can't be read ({error}). "
            "A model is a folder with model.keras and card.toml."
        ) from error


def _parse_card(content: dict[str, Any], folder: Path) -> ModelCard:
    """A card of what its file says; raises FieldError, ValueError, KeyError or TypeError for what makes no sense."""
    classes = build(Sequence[LabelClass], content.pop("classes"), "classes")
    if [one.index for one in classes] != list(range(len(classes))) or not 2 <= len(classes) <= MAX_CLASSES:
        raise ValueError(f"its classes must be numbered 0, 1 and so on, up to {MAX_CLASSES - 1}")
    normalisation = build(Normalisation, content.pop("normalisation"), "normalisation")
    facts = {key: build(_KINDS.get(key, dict), value, key) for key, value in content.items()}
    for name in ("dice", "dice_before"):
        if name in facts.get("scores", {}):
            build(float, facts["scores"][name], f"scores.{name}")
    return ModelCard(classes=classes, normalisation=normalisation, folder=folder, **facts)


def bundled_models() -> list[ModelCard]:
    """The starter models, the one that most people begin with first."""
    cards = [read_card(card.parent) for card in sorted((paths.resources() / "models").glob(f"*/{CARD}"))]
    return sorted(cards, key=lambda card: not card.id.startswith("nuclei"))


def suited_starter(picture: Pixels) -> ModelCard | None:
    """The starter model that a new project begins with, by a picture (h, w, channels) of one of its slides.

    Bright and coloured is stained tissue: the first one that sees three channels. All else begins with the first.
    """
    cards = bundled_models()
    if picture.shape[2] == 3:
        values = picture / max(float(np.percentile(picture, 99.8)), 1e-9)
        bright, coloured = np.median(values.mean(axis=2)), np.percentile(np.ptp(values, axis=2), 90)
        if bright > _STAINED_BRIGHTNESS and coloured > _STAINED_COLOUR:
            cards.sort(key=lambda card: card.normalisation.channels != 3)
    return cards[0] if cards else None


def project_models(place: Path) -> list[ModelCard]:
    """The models retrained in the project at `place`, oldest first; a damaged one is left out."""
    found = []
    for card in sorted((place / "models").glob(f"[!.]*/{CARD}")):  # a hidden folder isn't finished yet
        try:
            found.append(read_card(card.parent))
        except ModelError:
            continue
    return sorted(found, key=lambda card: card.created)


def find_model(name: str, place: Path | None) -> ModelCard:
    """A model by the id of one in the project, the name of a starter model, or the path of a model's folder."""
    known = (project_models(place) if place else []) + bundled_models()
    for card in known:
        if card.id == name:
            return card
    if (Path(name) / CARD).is_file():
        return read_card(Path(name))
    raise ModelError(
        f"There is no model '{name}'. Known here: {', '.join(card.id for card in known) or 'none'}; "
        "or give the path of a model's folder."
    )


def _names(classes: tuple[LabelClass, ...]) -> str:
    return ", ".join(c.name for c in classes[1:]) or "no class"
