"""Recipes: everything that defines one training, as data in a TOML file."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from unet_studio import paths
from unet_studio.core.files import read_small_text
from unet_studio.errors import RecipeError

_CHOICES = {
    "padding": ("same", "valid"),
    "upsampling": ("transposed", "nearest"),
    "normalisation": ("none", "batch"),
    "dropout_at": ("bottom", "last-two", "every"),
    "activation": ("relu", "leaky_relu", "elu", "gelu", "silu"),
    "output": ("softmax", "sigmoid"),
    "optimiser": ("adam", "radam", "sgd"),
    "decay": ("cosine", "plateau", "none"),
    "precision": ("float32", "fastest"),
}
"""The words that a setting of this name can be."""
_LARGEST = (1 << 32) - 1
"""No number in a recipe is larger: the seed can be as large as this."""
_LARGEST_PATCH, _LARGEST_BATCH = 4096, 1024


@dataclass(frozen=True, slots=True)
class Architecture:
    """A U-Net: `depth` halvings, `width` channels at full resolution, doubled at each halving."""

    depth: int = 4
    width: int = 16
    dropout: float = 0.0
    dropout_at: str = "bottom"  # after which blocks of the contracting path: bottom, last-two, every
    normalisation: str = "none"  # none, batch
    upsampling: str = "transposed"  # transposed, nearest (followed by a 2 × 2 convolution)
    padding: str = "same"  # same; valid: 3 × 3 convolutions lose their border, so the output is smaller
    residual: bool = False
    atrous: tuple[int, ...] = ()  # rates of dilated 3 × 3 convolutions, one after the other, at the bottom
    activation: str = "relu"  # relu, leaky_relu, elu, gelu, silu
    output: str = "softmax"  # softmax; sigmoid: one channel for background and one class
    last_kernel: int = 1  # px, side of the last convolution

    def __post_init__(self) -> None:
        _require("architecture.depth", self.depth, 1 <= self.depth <= 6, "1 to 6")
        _require("architecture.width", self.width, 1 <= self.width <= 256, "1 to 256")
        _require("architecture.dropout", self.dropout, 0 <= self.dropout < 1, "0 or more and below 1")
        _require("architecture.atrous", list(self.atrous), all(1 <= r <= 64 for r in self.atrous), "rates of 1 to 64")
        _require("architecture.last_kernel", self.last_kernel, self.last_kernel in (1, 3, 5), "1, 3 or 5")
        for name in ("dropout_at", "normalisation", "upsampling", "padding", "activation", "output"):
            _require_choice("architecture.", name, getattr(self, name))

    def crop(self, level: int) -> int:
        """Pixels that a skip of `level` loses at each side to fit what comes up from below it."""
        if self.padding == "same":
            return 0
        lost = 2 + sum(self.atrous)  # by the blocks at the bottom, in its pixels
        for _ in range(level, self.depth - 1):
            lost = 2 * lost + 4  # by the block on the way down and the one on the way up
        return 2 * lost

    @property
    def margin(self) -> int:
        """Pixels that the output is smaller than the input at each side."""
        return 0 if self.padding == "same" else self.crop(0) + 4 + self.last_kernel // 2

    def fits(self, side: int) -> bool:
        """Whether an input of `side` pixels can be halved at every level, and leaves an output."""
        multiple = 1 << self.depth
        lost_before_halving = 0 if self.padding == "same" else 4 * (multiple - 1)
        return side > 2 * self.margin and (side - lost_before_halving) % multiple == 0

    def padded_side(self, side: int) -> int:
        """The smallest side that fits and whose output has at least `side` pixels."""
        wanted = side + 2 * self.margin
        return next(larger for larger in range(wanted, wanted + (1 << self.depth)) if self.fits(larger))

    def largest_side(self, side: int) -> int:
        """The largest side up to `side` that fits; 0 where none does."""
        return next((smaller for smaller in range(side, 0, -1) if self.fits(smaller)), 0)


@dataclass(frozen=True, slots=True)
class Loss:
    """Cross-entropy plus soft Dice, each normalised by the labelled pixels, with these weights.

    With the architecture's sigmoid output the cross-entropy is the binary cross-entropy.
    """

    cross_entropy: float = 1.0
    dice: float = 1.0
    balance: float = 1.0  # in the cross-entropy a rare class weighs up to so many times the most frequent one
    border_weight: float = 0.0  # w0 of Ronneberger et al. 2015, equation 2; 0 switches the border weights off
    border_sigma: float = 5.0  # px
    teacher: float = 0.0  # of what the model at the start says where nobody labelled; 0: nothing is kept on purpose

    def __post_init__(self) -> None:
        for name in ("cross_entropy", "dice", "border_weight", "teacher"):
            _require(f"loss.{name}", getattr(self, name), getattr(self, name) >= 0, "0 or more")
        _require("loss.dice", self.dice, self.cross_entropy + self.dice > 0, "above 0 where cross_entropy is 0")
        _require("loss.balance", self.balance, self.balance >= 1, "1 or more")
        _require("loss.border_sigma", self.border_sigma, self.border_sigma > 0, "above 0")


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How patches are augmented; every magnitude 0 (or range 1…1) switches its kind off."""

    flip: bool = True
    rotate: float = 180.0  # degrees, each way
    scale_low: float = 0.8
    scale_high: float = 1.25
    stretch: float = 0.08  # standard deviation of the logarithm: longer one way and as much shorter the other
    elastic: float = 4.0  # px, standard deviation of the displacement on a coarse grid
    elastic_nodes: int = 4  # nodes of that grid along each side of a patch
    brightness_low: float = 1.0  # factor
    brightness_high: float = 1.0
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
        for kind in ("scale", "brightness"):
            low, high = getattr(self, f"{kind}_low"), getattr(self, f"{kind}_high")
            _require(f"augmentation.{kind}_low", low, 0 < low <= high, f"above 0 and at most {kind}_high")
        _require("augmentation.elastic_nodes", self.elastic_nodes, self.elastic_nodes >= 2, "2 or more")


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast; each round of `steps` ends with a score."""

    rounds: int = 12
    steps: int = 20  # a round
    epoch: bool = False  # a round takes as many steps as the slides or their labelled pixels fill, not `steps`
    patience: int = 4  # early stopping: rounds without a better score on the slides for validation
    batch: int = 4
    patch: int = 256  # px of input
    whole: bool = False  # a patch is a whole slide, resized; otherwise a part of one, around labels
    validation: float = 0.0  # share of the training slides set aside to choose a round on; 0: the last one is kept
    optimiser: str = "adam"  # adam, radam, sgd
    momentum: float = 0.9  # of sgd
    learning_rate: float = 3e-4
    warmup: int = 10  # steps
    decay: str = "cosine"  # cosine, plateau (halved where the score on the slides for validation stands still), none
    clip: float = 1.0  # largest norm of each gradient; 0: no limit
    ema: float = 0.98  # momentum of the averaged weights (exponential moving average)
    seconds: float = 0.0  # no new round after this many seconds; 0: no limit

    def __post_init__(self) -> None:
        for name in ("rounds", "steps", "patience", "batch", "patch"):
            _require(f"schedule.{name}", getattr(self, name), getattr(self, name) >= 1, "1 or more")
        _require("schedule.patch", self.patch, self.patch <= _LARGEST_PATCH, f"up to {_LARGEST_PATCH}")
        _require("schedule.batch", self.batch, self.batch <= _LARGEST_BATCH, f"up to {_LARGEST_BATCH}")
        for name in ("warmup", "seconds", "clip"):
            _require(f"schedule.{name}", getattr(self, name), getattr(self, name) >= 0, "0 or more")
        for name in ("ema", "validation", "momentum"):
            _require(f"schedule.{name}", getattr(self, name), 0 <= getattr(self, name) < 1, "0 or more and below 1")
        for name in ("optimiser", "decay"):
            _require_choice("schedule.", name, getattr(self, name))
        _require("schedule.learning_rate", self.learning_rate, self.learning_rate > 0, "above 0")
        waits = self.decay == "plateau"
        _require(
            "schedule.validation", self.validation, not waits or self.validation > 0, "above 0 where decay is plateau"
        )


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training as data; `name` is the file's stem. A value out of range raises `RecipeError` naming it."""

    name: str
    description: str = ""
    seed: int = 0
    deterministic: bool = False  # two runs agree bit for bit on a GPU too, at some cost in time
    precision: str = "float32"  # fastest: mixed precision (bfloat16) where this computer is faster with it
    tensorboard: bool = False  # write the run's curves for TensorBoard
    clean_up: str = ""  # steps that its results are judged with, as `unet-studio clean --steps` takes them
    architecture: Architecture = field(default_factory=Architecture)
    loss: Loss = field(default_factory=Loss)
    augmentation: Augmentation = field(default_factory=Augmentation)
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        _require("seed", self.seed, 0 <= self.seed < 1 << 32, "0 to 4294967295")
        _require_choice("", "precision", self.precision)
        side = self.schedule.patch
        _require("schedule.patch", side, self.architecture.fits(side), _sides(self.architecture))

    def as_dict(self) -> dict[str, Any]:
        """What `from_dict` takes, of what TOML and JSON know."""
        content = asdict(self)
        content["architecture"]["atrous"] = list(self.architecture.atrous)
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Recipe":
        """Build a recipe; unknown keys and values of the wrong type raise `RecipeError` naming them."""
        recipe: Recipe = _build(cls, {"name": "", **content}, "")
        return recipe


def load_recipe(name: str, changes: Iterable[str] = ()) -> Recipe:
    """A recipe by name (training/recipes/NAME.toml) or file, with changes such as 'schedule.rounds=3'."""
    file = Path(name) if name.endswith(".toml") else paths.recipes() / f"{name}.toml"
    try:
        content = tomllib.loads(read_small_text(file))
    except FileNotFoundError:
        known = sorted(path.stem for path in paths.recipes().glob("*.toml"))
        raise RecipeError(f"There is no recipe '{name}'. {_suggest(name, known)}") from None
    except OSError as error:
        raise RecipeError(f"The recipe '{file}' can't be read ({error.strerror}). Choose another one.") from error
    except ValueError as error:  # TOML's own errors, and text that isn't UTF-8
        raise RecipeError(f"The recipe '{file.name}' isn't valid TOML: {error}.") from None
    except RecursionError:
        raise RecipeError(f"The recipe '{file.name}' has lists within lists without an end; write it anew.") from None
    for change in changes:
        _apply_change(content, change)
    return replace(Recipe.from_dict({**content, "name": file.stem}), name=file.stem)


def default_recipe(model: str) -> str:
    """The recipe for a training where nobody named one: another for a first model (`model` empty) than from a model."""
    return "retrain" if model else "from-scratch"


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
        key = _RENAMED.get(prefix + key, key)
        if key not in known:
            raise RecipeError(f"A recipe has no '{prefix}{key}'. {_suggest(key, known)}")
        values[key] = _convert(hints[key], value, prefix + key)
    return kind(**values)


def _convert(kind: Any, value: Any, key: str) -> Any:
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise RecipeError(f"'{key}' in a recipe is a group of settings; received {value!r}.")
        return _build(kind, value, key + ".")
    if kind is float and type(value) in (int, float):
        if abs(value) > _LARGEST:
            raise RecipeError(f"'{key}' in a recipe must be a number up to {_LARGEST}; received {str(value)[:20]}.")
        return float(value)
    if kind is int and type(value) is int and abs(value) > _LARGEST:
        raise RecipeError(f"'{key}' in a recipe must be a whole number up to {_LARGEST}; received {str(value)[:20]}….")
    if kind == tuple[int, ...] and isinstance(value, list | tuple) and all(type(part) is int for part in value):
        return tuple(value)
    if type(value) is not kind:
        raise RecipeError(f"'{key}' in a recipe must be {_KINDS[kind]}; received {value!r}.")
    return value


def _require(key: str, value: object, fits: bool, wanted: str) -> None:
    if not fits:
        raise RecipeError(f"'{key}' in a recipe must be {wanted}; received {value!r}.")


def _require_choice(prefix: str, name: str, value: str) -> None:
    _require(f"{prefix}{name}", value, value in _CHOICES[name], f"one of {', '.join(_CHOICES[name])}")


def _sides(architecture: Architecture) -> str:
    halvings = f"since the network halves it {architecture.depth} times"
    if architecture.padding == "same":
        return f"a multiple of {1 << architecture.depth}, {halvings}"
    nearest = architecture.padded_side(1)
    return f"{nearest} or a multiple of {1 << architecture.depth} more, {halvings} and its convolutions take the border"


NO_AUGMENTATION = Augmentation(
    flip=False, rotate=0, scale_low=1, scale_high=1, stretch=0, elastic=0,
    gain=0, offset=0, gamma=0, gradient=0, noise=0, blur=0,
)  # fmt: skip
"""Every kind switched off: a patch as it is on the slide."""

_RENAMED = {"schedule.hold_out": "validation"}
"""Settings that had another name in models of earlier versions."""

_KINDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    tuple[int, ...]: "a list of whole numbers",
}


def _suggest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}."
