"""Recipes: everything that defines one training, as data in a TOML file."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from unet_studio import paths
from unet_studio.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Architecture:
    """A U-Net: `depth` halvings, `width` channels at full resolution, doubled at each halving."""

    depth: int = 4
    width: int = 16
    dropout: float = 0.0
    normalisation: str = "none"  # none, batch
    upsampling: str = "transposed"  # transposed, nearest

    def __post_init__(self) -> None:
        _require("architecture.depth", self.depth, 1 <= self.depth <= 6, "1 to 6")
        _require("architecture.width", self.width, 1 <= self.width <= 256, "1 to 256")
        _require("architecture.dropout", self.dropout, 0 <= self.dropout < 1, "0 or more and below 1")
        for name, known in (("normalisation", ("none", "batch")), ("upsampling", ("transposed", "nearest"))):
            value = getattr(self, name)
            _require(f"architecture.{name}", value, value in known, f"one of {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class Loss:
    """Cross-entropy plus soft Dice, each normalised by the labelled pixels, with these weights."""

    cross_entropy: float = 1.0
    dice: float = 1.0

    def __post_init__(self) -> None:
        for name in ("cross_entropy", "dice"):
            _require(f"loss.{name}", getattr(self, name), getattr(self, name) >= 0, "0 or more")
        _require("loss.dice", self.dice, self.cross_entropy + self.dice > 0, "above 0 where cross_entropy is 0")


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How patches are varied; every magnitude 0 (or range 1…1) switches its kind off."""

    flip: bool = True
    rotate: float = 180.0  # degrees, each way
    scale_low: float = 0.8
    scale_high: float = 1.25
    elastic: float = 4.0  # px, standard deviation of the displacement on a coarse grid
    gain: float = 0.2  # relative, each way
    offset: float = 0.1  # of the network's input range, each way
    gamma: float = 0.2  # exponent 2**±gamma
    gradient: float = 0.1  # lighting that changes across the patch
    noise: float = 0.05  # standard deviation
    blur: float = 1.0  # px, largest standard deviation
    colour: float = 0.0  # relative gain of each channel on its own

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            _require(f"augmentation.{setting.name}", value, value >= 0, "0 or more")
        fits = 0 < self.scale_low <= self.scale_high
        _require("augmentation.scale_low", self.scale_low, fits, "above 0 and at most scale_high")


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast; a round ends with a look at the hold-out."""

    rounds: int = 12
    steps: int = 20  # a round
    patience: int = 4  # rounds without a better hold-out score
    batch: int = 4
    patch: int = 256  # px
    learning_rate: float = 3e-4
    warmup: int = 10  # steps
    ema: float = 0.98  # momentum of the averaged weights
    seconds: float = 0.0  # no new round after this many seconds; 0: no limit

    def __post_init__(self) -> None:
        for name in ("rounds", "steps", "patience", "batch", "patch"):
            _require(f"schedule.{name}", getattr(self, name), getattr(self, name) >= 1, "1 or more")
        for name in ("warmup", "seconds"):
            _require(f"schedule.{name}", getattr(self, name), getattr(self, name) >= 0, "0 or more")
        _require("schedule.learning_rate", self.learning_rate, self.learning_rate > 0, "above 0")
        _require("schedule.ema", self.ema, 0 <= self.ema < 1, "0 or more and below 1")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training as data; `name` is the file's stem. A value out of range raises `RecipeError` naming it."""

    name: str
    description: str = ""
    seed: int = 0
    architecture: Architecture = field(default_factory=Architecture)
    loss: Loss = field(default_factory=Loss)
    augmentation: Augmentation = field(default_factory=Augmentation)
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        _require("seed", self.seed, 0 <= self.seed < 1 << 32, "0 to 4294967295")
        multiple = 1 << self.architecture.depth
        wanted = f"a multiple of {multiple}, since the network halves it {self.architecture.depth} times"
        _require("schedule.patch", self.schedule.patch, self.schedule.patch % multiple == 0, wanted)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Recipe":
        """Build a recipe; unknown keys and values of the wrong type raise `RecipeError` naming them."""
        recipe: Recipe = _build(cls, {"name": "", **content}, "")
        return recipe


def load_recipe(name: str, changes: Iterable[str] = ()) -> Recipe:
    """A recipe by name (training/recipes/NAME.toml) or file, with changes such as 'schedule.rounds=3'."""
    file = Path(name) if name.endswith(".toml") else paths.recipes() / f"{name}.toml"
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = sorted(path.stem for path in paths.recipes().glob("*.toml"))
        raise RecipeError(f"There is no recipe '{name}'. {_suggest(name, known)}") from None
    except OSError as error:
        raise RecipeError(f"The recipe '{file}' can't be read ({error.strerror}). Choose another one.") from error
    except ValueError as error:  # TOML's own errors, and text that isn't UTF-8
        raise RecipeError(f"The recipe '{file.name}' isn't valid TOML: {error}.") from None
    for change in changes:
        _apply_change(content, change)
    return replace(Recipe.from_dict({**content, "name": file.stem}), name=file.stem)


def _apply_change(content: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise RecipeError(f"'{change}' doesn't change a recipe; write it as key=value, for example schedule.rounds=3.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *groups, last = key.strip().split(".")
    for group in groups:
        content = content.setdefault(group, {})
        if not isinstance(content, dict):
            raise RecipeError(f"'{change}' doesn't change a recipe: '{group}' isn't a group of settings.")
    content[last] = value


def _build(kind: Any, content: Mapping[str, Any], prefix: str) -> Any:
    hints = get_type_hints(kind)
    known = [f.name for f in fields(kind)]
    values = {}
    for key, value in content.items():
        if key not in known:
            raise RecipeError(f"A recipe has no '{prefix}{key}'. {_suggest(key, known)}")
        values[key] = _convert(hints[key], value, prefix + key)
    return kind(**values)


def _convert(kind: Any, value: Any, key: str) -> Any:
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise RecipeError(f"'{key}' in a recipe is a group of settings; received {value!r}.")
        return _build(kind, value, key + ".")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise RecipeError(f"'{key}' in a recipe must be {_KINDS[kind]}; received {value!r}.")
    return value


def _require(key: str, value: object, fits: bool, wanted: str) -> None:
    if not fits:
        raise RecipeError(f"'{key}' in a recipe must be {wanted}; received {value!r}.")


_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _suggest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}."
