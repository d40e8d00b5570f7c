"""Training patches: drawn where labels are, warped once with their labels, then with intensity augmentation."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from unet_studio.core.classes import BACKGROUND, UNLABELLED
from unet_studio.core.labels.plane import LabelPlane, PlaneId
from unet_studio.core.models.normalisation import Normalisation, Range
from unet_studio.core.slides.opening import SlideReader
from unet_studio.core.tiles import Box, Cell, tile_box
from unet_studio.unet.recipes import Augmentation, Recipe
from unet_studio.unet.tiling import read_mirrored
from unet_studio.unet.training.border_weights import border_weights
from unet_studio.unet.training.teacher import TaughtPlane

_CACHED_PIXELS = 4096 * 4096
"""Planes up to this size may be normalised once and kept; of larger ones only what a patch needs is read."""
_ANY_SHARE = 1 / 3
"""Of the patches of a labelled plane that is taught: so many lie anywhere on it."""
_REPLAYED_SHARE = 1 / 3
_CACHED_BYTES = 1 << 30
"""All normalised planes that are kept take at most this much memory."""


@dataclass(slots=True)
class LabelledSlide:
    """One labelled plane, ready to be cut into patches."""

    plane: PlaneId
    reader: SlideReader
    labels: LabelPlane
    normalisation: Normalisation
    range: Range
    cells: list[Cell]
    """The tiles that hold labels."""
    stays_in_memory: bool = False
    """Whether the plane stays in memory once it was normalised."""
    taught: TaughtPlane | None = None
    """What the model at the start says of it."""
    _cache: NDArray[np.float32] | None = field(default=None, repr=False)
    _counts: dict[int, NDArray[np.int64]] | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        return self.labels.shape

    @property
    def labelled(self) -> int:
        """Labelled pixels."""
        return int(sum(pixels.sum() for pixels in self.counts.values()))

    @property
    def counts(self) -> dict[int, NDArray[np.int64]]:
        """How many pixels of each of `cells`, (cells,), are labelled as each class that occurs."""
        if self._counts is None and not self.cells:
            self._counts = {}
        if self._counts is None:
            tiles = np.array([np.bincount(self._tile(cell).ravel(), minlength=UNLABELLED + 1) for cell in self.cells])
            occurring = np.flatnonzero(tiles[:, :UNLABELLED].any(axis=0))
            self._counts = {int(value): tiles[:, value] for value in occurring}
        return self._counts

    def count_classes(self, classes: int) -> NDArray[np.int64]:
        """Labelled pixels of each class, (classes,)."""
        none = np.zeros(1, np.int64)
        return np.array([self.counts.get(value, none).sum() for value in range(classes)])

    def draw(self, rng: Generator) -> tuple[int, int]:
        """A pixel to learn from: a labelled one or, on a plane that is taught, now and then any."""
        if self.taught is not None and (not self.cells or rng.random() < _ANY_SHARE):
            return self.taught.draw(rng)
        return self.draw_labelled(rng)

    def draw_labelled(self, rng: Generator) -> tuple[int, int]:
        """A labelled pixel.

        Half the time any one of them; otherwise any class but background is as likely as any other, however few pixels
        it has, so that a rare class is seen as often.
        """
        foreground = [value for value in self.counts if value != BACKGROUND]
        if foreground and rng.random() < 0.5:
            value = foreground[rng.integers(len(foreground))]
            cell = self._draw_cell(self.counts[value], rng)
            wanted = self._tile(cell) == value
        else:
            cell = self._draw_cell(np.sum([*self.counts.values()], axis=0), rng)
            wanted = self._tile(cell) != UNLABELLED
        y, x = divmod(int(rng.choice(np.flatnonzero(wanted))), wanted.shape[1])
        box = tile_box(cell)
        return box.y0 + y, box.x0 + x

    def _draw_cell(self, pixels: NDArray[np.int64], rng: Generator) -> Cell:
        return self.cells[rng.choice(len(self.cells), p=pixels / pixels.sum())]

    def _tile(self, cell: Cell) -> NDArray[np.uint8]:
        tile = self.labels.tile(cell)
        assert tile is not None  # `cells` are those with labels
        return tile

    def read(self, box: Box) -> NDArray[np.float32]:
        """Network input (h, w, channels) of a box on the plane."""
        if self.stays_in_memory and self._cache is None:
            self._cache = self._read_normalised(Box.of_shape(self.shape))
        return self._read_normalised(box) if self._cache is None else self._cache[box.slices]

    def _read_normalised(self, box: Box) -> NDArray[np.float32]:
        return self.normalisation.apply(self.reader.read(self.plane.plane, box), self.range)


class PatchBatches:
    """Batches of pixels (n, p, p, c) float32 and labels (n, q, q) uint8 for `Model.train_on_batch`.

    The labels are cropped to the network's output, q = p - 2 × margin. Where the recipe has border weights the labels
    are (n, q, q, 2) float32: class and border weight; where it has a teacher they are (n, q, q, 2 + classes) float32,
    as `make_loss` takes them. Every batch follows from the seed, the round and its index alone, so that a run can be
    repeated. A third of the patches, if there are any, are of the `replayed` slides, which nobody labelled.
    """

    def __init__(self, slides: Sequence[LabelledSlide], recipe: Recipe, replayed: Sequence[LabelledSlide] = ()) -> None:
        self._slides = slides
        self._replayed = replayed
        self.is_taught = bool(recipe.loss.teacher) and all(slide.taught is not None for slide in (*slides, *replayed))
        """Whether batches have what a teacher says."""
        self._recipe = recipe
        self._margin = recipe.architecture.margin
        schedule = recipe.schedule
        self.steps = -(-self._patches_of_an_epoch() // schedule.batch) if schedule.epoch else schedule.steps
        """Batches of a round."""
        _keep_planes([*slides, *replayed])

    def batch(self, number: int, index: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Batch `index` of round `number`."""
        rng = np.random.default_rng((self._recipe.seed, number, index))
        size = self._recipe.schedule.batch
        if self._recipe.schedule.whole:  # each slide once before any comes again
            slides = [*self._slides, *self._replayed]
            order = np.random.default_rng((self._recipe.seed, number)).permutation(len(slides))
            chosen = [slides[order[(index * size + i) % len(order)]] for i in range(size)]
        else:
            chosen = [self._choose(rng) for _ in range(size)]
        patches = [self._draw(slide, rng) for slide in chosen]
        return np.stack([pixels for pixels, _ in patches]), np.stack([labels for _, labels in patches])

    def _choose(self, rng: Generator) -> LabelledSlide:
        slides = self._replayed if self._replayed and rng.random() < _REPLAYED_SHARE else self._slides
        return slides[int(rng.integers(len(slides)))]

    def _draw(self, slide: LabelledSlide, rng: Generator) -> tuple[NDArray[np.float32], NDArray[Any]]:
        schedule, loss = self._recipe.schedule, self._recipe.loss
        draw = draw_slide if schedule.whole else draw_patch
        pixels, labels, taught = draw(slide, schedule.patch, self._recipe.augmentation, rng, self._margin)
        if not loss.border_weight and not self.is_taught:
            return pixels, labels
        weights = np.zeros(labels.shape, np.float32)
        if loss.border_weight:
            weights = border_weights(labels, w0=loss.border_weight, sigma=loss.border_sigma)
        of_classes = [labels.astype(np.float32), weights]
        if self.is_taught:
            probabilities = np.moveaxis(taught[..., 1:] / np.float32(255), -1, 0)
            of_classes += [(taught[..., 0] > 127).astype(np.float32), *probabilities]
        return pixels, np.stack(of_classes, axis=-1).astype(np.float32)

    def _patches_of_an_epoch(self) -> int:
        if self._recipe.schedule.whole:
            return len(self._slides)
        area = (self._recipe.schedule.patch - 2 * self._margin) ** 2
        return sum(-(-slide.labelled // area) for slide in self._slides)


def _keep_planes(slides: Sequence[LabelledSlide]) -> None:
    """Cache as many planes as fit in the memory for them, the smallest first."""
    held = 0
    for slide in sorted(slides, key=lambda s: s.shape[0] * s.shape[1]):
        pixels = slide.shape[0] * slide.shape[1]
        held += pixels * slide.normalisation.channels * np.dtype(np.float32).itemsize
        slide.stays_in_memory = pixels <= _CACHED_PIXELS and held <= _CACHED_BYTES


class Patch(NamedTuple):
    """What a training step sees of one place.

    `says` (q, q, classes) is the teacher's: 255 where it is taught, else 0, then its probabilities, 0…255; (q, q, 0)
    where the slide has no teacher.
    """

    pixels: NDArray[np.float32]  # (p, p, channels)
    labels: NDArray[np.uint8]  # (q, q)
    says: NDArray[np.uint8]


def draw_patch(slide: LabelledSlide, side: int, augmentation: Augmentation, rng: Generator, margin: int = 0) -> Patch:
    """One augmented patch around a pixel to learn from, without the outer `margin` pixels but for its own pixels.

    The cost doesn't depend on the size of the slide. Labels outside the plane are unlabelled.
    """
    warp = _Warp.draw(augmentation, rng)
    centre = _choose_centre(slide, warp, side - 2 * margin, rng)
    return _cut(slide, side, warp, centre, augmentation, rng, margin)


def draw_slide(slide: LabelledSlide, side: int, augmentation: Augmentation, rng: Generator, margin: int = 0) -> Patch:
    """As `draw_patch`, but of the whole slide, resized so that before augmentation it fills the patch.

    The slide is read whole, so this is for small ones.
    """
    warp = _Warp.draw(augmentation, rng)
    warp = replace(warp, matrix=np.diag(np.array(slide.shape) / side) @ warp.matrix)
    return _cut(slide, side, warp, (slide.shape[0] / 2, slide.shape[1] / 2), augmentation, rng, margin)


def _cut(
    slide: LabelledSlide,
    side: int,
    warp: "_Warp",
    centre: tuple[float, float],
    augmentation: Augmentation,
    rng: Generator,
    margin: int,
) -> Patch:
    """The patch whose middle shows `centre`, a point between pixels of the slide."""
    halo = warp.halo(side)
    y, x = int(centre[0]), int(centre[1])
    box = Box(y - halo, x - halo, y + halo, x + halo)
    pixels = read_mirrored(slide.read, box, slide.shape)
    labels = slide.labels.read(box)
    says = np.zeros((*box.shape, 0), np.uint8)
    if slide.taught is not None:
        probabilities, where = slide.taught.targets(box, labels)
        says = np.dstack([where, probabilities])
    map_x, map_y = warp.maps(side, (halo + centre[0] - y, halo + centre[1] - x), rng)
    pixels = _with_channels(cv2.remap(pixels, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))
    inner = slice(margin, side - margin)
    map_x, map_y = map_x[inner, inner], map_y[inner, inner]
    labels = _warped(labels[..., None], map_x, map_y, UNLABELLED)[..., 0]
    return Patch(augment_intensity(pixels, augmentation, rng), labels, _warped(says, map_x, map_y, 0))


def _warped(
    values: NDArray[np.uint8], map_x: NDArray[np.float32], map_y: NDArray[np.float32], beyond: int
) -> NDArray[np.uint8]:
    """The nearest values (h, w, n) to where a warp takes each pixel of the patch; `beyond` outside of what was read."""
    channels = [
        cv2.remap(channel, map_x, map_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=beyond)
        for channel in np.moveaxis(values, -1, 0)
    ]
    return np.stack(channels, axis=-1).astype(np.uint8) if channels else np.zeros((*map_x.shape, 0), np.uint8)


def _choose_centre(slide: LabelledSlide, warp: "_Warp", side: int, rng: Generator) -> tuple[int, int]:
    y, x = slide.draw(rng)
    # The chosen pixel comes to lie anywhere in the patch but near its border, where the elastic part could push it out.
    shift = warp.matrix @ rng.uniform(-side / 3, side / 3, size=2)
    return y - round(shift[0]), x - round(shift[1])


@dataclass(frozen=True, slots=True)
class _Warp:
    """One affine and elastic map from patch to slide, applied in a single interpolation.

    The elastic deformation is that of Ronneberger et al. 2015, section 3.1: random displacements on a coarse grid,
    interpolated bicubically.
    """

    matrix: NDArray[np.float64]  # (2, 2), patch (y, x) → slide (y, x), around the centre
    elastic: float
    nodes: int

    @classmethod
    def draw(cls, augmentation: Augmentation, rng: Generator) -> "_Warp":
        angle = np.deg2rad(rng.uniform(-augmentation.rotate, augmentation.rotate))
        scale = np.exp(rng.uniform(np.log(augmentation.scale_low), np.log(augmentation.scale_high)))
        stretch = np.exp(rng.normal(0, augmentation.stretch)) if augmentation.stretch else 1.0
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = turn @ np.diag([stretch, 1 / stretch]) / scale
        if augmentation.flip and rng.random() < 0.5:
            matrix = matrix @ np.diag([1.0, -1.0])
        return cls(matrix, augmentation.elastic, augmentation.elastic_nodes)

    def halo(self, side: int) -> int:
        """How many pixels of the slide a patch needs to each side of its centre."""
        return int(np.ceil(np.abs(self.matrix).sum(axis=1).max() * side / 2 + 3 * self.elastic)) + 2

    def maps(
        self, side: int, middle: tuple[float, float], rng: Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """For `cv2.remap`: x and y in the read window for each pixel of the patch, whose middle shows `middle`."""
        steps = np.arange(side, dtype=np.float32) - (side - 1) / 2
        y, x = steps[:, None], steps[None, :]
        map_y = self.matrix[0, 0] * y + self.matrix[0, 1] * x + middle[0] - 0.5
        map_x = self.matrix[1, 0] * y + self.matrix[1, 1] * x + middle[1] - 0.5
        if self.elastic:
            map_y = map_y + self._displacement(side, rng)
            map_x = map_x + self._displacement(side, rng)
        return map_x.astype(np.float32), map_y.astype(np.float32)

    def _displacement(self, side: int, rng: Generator) -> NDArray[np.float32]:
        nodes = rng.normal(0, self.elastic, (self.nodes, self.nodes)).astype(np.float32)
        return np.asarray(cv2.resize(nodes, (side, side), interpolation=cv2.INTER_CUBIC))


def augment_intensity(pixels: NDArray[np.float32], augmentation: Augmentation, rng: Generator) -> NDArray[np.float32]:
    """Network input (h, w, c) with random gamma, gain, brightness, offset, gradient, colour, blur and noise."""
    if augmentation.gamma:
        exponent = np.float32(2.0 ** rng.uniform(-augmentation.gamma, augmentation.gamma))
        pixels = np.asarray(np.sign(pixels) * np.abs(pixels) ** exponent)
    gain = np.float32(1.0 + rng.uniform(-augmentation.gain, augmentation.gain))
    offset = np.float32(rng.uniform(-augmentation.offset, augmentation.offset))
    pixels = pixels * gain + offset
    if (augmentation.brightness_low, augmentation.brightness_high) != (1.0, 1.0):
        pixels = pixels * np.float32(rng.uniform(augmentation.brightness_low, augmentation.brightness_high))
    if augmentation.colour:
        colour = rng.uniform(-augmentation.colour, augmentation.colour, pixels.shape[2])
        pixels = pixels * np.asarray(1.0 + colour, dtype=np.float32)
    if augmentation.gradient:
        slope = rng.normal(0, augmentation.gradient, 2)
        ramp_y = np.linspace(-1, 1, pixels.shape[0], dtype=np.float32)[:, None]
        ramp_x = np.linspace(-1, 1, pixels.shape[1], dtype=np.float32)[None, :]
        pixels = pixels * (1.0 + slope[0] * ramp_y + slope[1] * ramp_x)[..., None].astype(np.float32)
    if augmentation.blur and rng.random() < 0.3:
        sigma = rng.uniform(0.1, augmentation.blur)
        pixels = _with_channels(cv2.GaussianBlur(pixels, (0, 0), sigma))
    if augmentation.noise:
        noise = rng.standard_normal(pixels.shape, dtype=np.float32)
        pixels = pixels + noise * np.float32(rng.uniform(0, augmentation.noise))
    return pixels.astype(np.float32, copy=False)


def _with_channels(pixels: Any) -> NDArray[np.float32]:
    """OpenCV drops a last axis of length 1; put it back."""
    values = np.asarray(pixels, dtype=np.float32)
    return values[..., None] if values.ndim == 2 else values
