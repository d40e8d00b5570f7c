"""Active learning: which plane to label next, typical of those that nobody labelled and the model is uncertain of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.figures.display import read_small
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.scoring.uncertainty import mean_uncertainty
from unet_studio.core.slides.reader import Pixels, SlideReader

_Item = TypeVar("_Item")

_SIDE = 256
_SCALES = (1.0, 2.0, 4.0, 8.0)
"""Of details, px of the small plane."""
_ENOUGH_AT_FIRST = 1.0
_ENOUGH_LATER = 0.5
"""A plane with less than so much of the median plane's structure comes after all others: little can be labelled on it.
The first plane alone must teach a model, so more is asked of it."""
MOST_COMPARED = 1000
"""Each is compared with each; of more planes so many are taken, evenly spread."""


class Order(StrEnum):
    """In which order planes come up for labelling, each among those that nobody labelled."""

    FOLDER = "folder"
    """As the slides are listed, a slide's planes one after the other."""
    TEACHES_MOST = "teaches-most"
    """The one that stands best for those that the model is uncertain of; see `next_plane`."""
    CHANGED = "changed"
    """The one of which the new model's proposal differs most from that of the model before."""
    RANDOM = "random"
    """Drawn by a seed; of slides of several planes one plane comes up after the other slides."""


@dataclass(frozen=True, slots=True)
class PlaneDescriptor:
    """An image descriptor of a plane, by which planes are compared.

    `features` is comparable between planes of one folder. `structure` is how much is on it besides noise, about 0…0.5.
    `uncertainty` is the mean uncertainty of its proposal, 0…1, and 1 where there is none.
    """

    plane: PlaneId
    features: tuple[float, ...]
    structure: float
    uncertainty: float = 1.0


def describe_plane(
    reader: SlideReader, plane: PlaneId, probabilities: NDArray[np.uint8] | None = None
) -> PlaneDescriptor:
    """The descriptor of a plane, from a small version of it and its proposal, (h, w, channels) uint8 at any size."""
    sample = read_small(reader, plane.plane, most=_SIDE)
    features, structure = _describe(sample)
    uncertainty = 1.0 if probabilities is None else mean_uncertainty(probabilities)
    return PlaneDescriptor(plane, features, structure, uncertainty)


def evenly_spaced(items: Sequence[_Item], most: int = MOST_COMPARED) -> Sequence[_Item]:
    """All items, or at most `most` of them, evenly from the first to the last."""
    if len(items) <= most:
        return items
    return [items[index] for index in np.linspace(0, len(items) - 1, most).astype(int)]


def next_plane(planes: Sequence[PlaneDescriptor], labelled: Collection[PlaneId]) -> PlaneId | None:
    """The plane to label next, None where all are labelled.

    Every plane is represented by the labelled one with the nearest descriptor. The next is the one that brings the
    representatives nearest, each plane counting with the uncertainty of its proposal; so the first is the most typical
    plane, never an outlier, and later ones are of kinds that were not labelled yet. This is one greedy step of the
    facility location problem, which stays within 1 - 1/e of the best choice: Nemhauser, Wolsey & Fisher (1978), doi
    10.1007/BF01588971. Planes that are all but empty come last. The answer follows from the arguments alone; of equals
    the first is taken.
    """
    left = [one for one in planes if one.plane not in labelled]
    usual = float(np.median([one.structure for one in planes])) if planes else 0.0
    done = [one for one in planes if one.plane in labelled]
    enough = (_ENOUGH_LATER if done else _ENOUGH_AT_FIRST) * usual
    wanted = [one for one in left if one.structure >= enough] or left
    if not wanted:
        return None
    compared = evenly_spaced(wanted)
    gains = _gains(_scaled([*compared, *done]), len(compared), np.array([one.uncertainty for one in compared]))
    return compared[int(np.argmax(gains))].plane


def _gains(features: NDArray[np.float64], free: int, uncertainties: NDArray[np.float64]) -> NDArray[np.float64]:
    """What labelling each of the first `free` rows of `features` brings; the other rows are labelled."""
    distances = np.linalg.norm(features[:free, None] - features[None], axis=2)
    farthest = np.full(free, 2 * distances.max() + 1)
    nearest = distances[:, free:].min(axis=1) if len(features) > free else farthest
    return np.asarray(uncertainties @ np.maximum(nearest[:, None] - distances[:, :free], 0))


def _scaled(planes: Sequence[PlaneDescriptor]) -> NDArray[np.float64]:
    """The features (planes, features), each in units of how much it usually varies."""
    features = np.array([one.features for one in planes])
    low, high = np.percentile(features, (25, 75), axis=0)
    scale = np.maximum(np.where(high > low, high - low, features.std(axis=0)), 1e-9)
    # Clipped, so that one outlying feature doesn't decide alone.
    return np.asarray(np.clip((features - np.median(features, axis=0)) / scale, -3, 3))


def _describe(sample: Pixels) -> tuple[tuple[float, ...], float]:
    """Features and structure of raw pixels (h, w, channels)."""
    normalisation = Normalisation.usual(sample.shape[2])
    values = normalisation.apply(sample, normalisation.measure_values(_flat(sample)))
    grey = values.mean(axis=2)
    details = [float(np.std(grey - _blurred(grey, sigma))) for sigma in _SCALES]
    colours = [float(part) for part in (*values.mean(axis=(0, 1)), *values.std(axis=(0, 1)))]
    return (*colours, *details), float(np.std(_blurred(grey, _SCALES[1])))


def _flat(sample: Pixels) -> NDArray[np.float32]:
    return sample.reshape(-1, sample.shape[2]).astype(np.float32)


def _blurred(grey: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma))
