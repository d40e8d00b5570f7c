"""Calibration: a temperature that divides the logits, so that of pixels with a probability of 80 % 80 % are right."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.training.validation import ValidationWindow

_PIXELS = 1 << 20
"""About so many labelled pixels, spread over all windows, are enough to fit one number."""
_LARGEST = 20.0
"""The temperature is kept within this factor of 1: where all judged pixels are right, no number would be too small."""


def fit_temperature(predictor: Predictor, windows: Sequence[ValidationWindow]) -> float:
    """The temperature at which the labels of the windows are likeliest; 1 where nothing is labelled.

    It changes no class of a mask at threshold 0.5, since all logits of a pixel are divided by it.

    Reference: Guo, Pleiss, Sun & Weinberger 2017, arXiv:1706.04599, section 4.2.
    """
    logits, labels = _labelled_logits(predictor, windows)
    return likeliest_temperature(logits, labels) if len(labels) else 1.0


def likeliest_temperature(logits: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """The temperature T, 1/20 to 20, that minimises the mean cross-entropy of logits / T (n, classes) and labels (n,).

    The cross-entropy is convex in 1/T, so that along log T it has one minimum, found by Brent's method. Of temperatures
    that are equally likely the least counts: where all pixels are right, rounding makes many so.
    """
    # SciPy takes half a second to load, and this comes at the end of a training.
    from scipy.optimize import minimize_scalar

    values = logits - logits.max(axis=1, keepdims=True)
    of_label = np.take_along_axis(values, labels[:, None].astype(np.intp), axis=1)[:, 0]

    def cross_entropy(log_temperature: float) -> float:
        sharpness = np.float32(np.exp(-log_temperature))
        log_sums = np.log(np.exp(values * sharpness).sum(axis=1))
        return float(np.mean(log_sums - of_label * sharpness, dtype=np.float64))

    limit = np.log(_LARGEST)
    found = minimize_scalar(cross_entropy, bounds=(-limit, limit), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(min(-limit, found.x, key=cross_entropy)))


def _labelled_logits(
    predictor: Predictor, windows: Sequence[ValidationWindow]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Logits (n, classes) and labels (n,) of labelled pixels, evenly drawn from all windows."""
    labelled = sum(int(np.count_nonzero(window.labels != UNLABELLED)) for window in windows)
    every = max(1, labelled // _PIXELS)
    found = [(np.zeros((0, predictor.classes), np.float32), np.zeros(0, np.uint8))]
    for window in windows:
        chosen = np.flatnonzero(window.labels != UNLABELLED)[::every]
        logits = predictor.logits(window.pixels).reshape(-1, predictor.classes)
        found.append((logits[chosen], window.labels.ravel()[chosen]))
    return np.concatenate([logits for logits, _ in found]), np.concatenate([labels for _, labels in found])
