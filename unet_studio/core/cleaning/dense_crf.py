"""The dense CRF (conditional random field): pixels that are near each other and of similar colour favour one class.

It moves the outlines of a proposal to those of the slide. Every pixel is joined to every other one by two Gaussian
kernels, one of place and colour and one of place alone, and mean-field inference needs only their sums over the plane.
The first, a bilateral filter, is worked out on a bilateral grid of few cells instead of pair by pair.

References: Krähenbühl & Koltun, "Efficient inference in fully connected CRFs with Gaussian edge potentials" (2011),
arXiv:1210.5644, and "Parameter learning and convergent inference for dense random fields" (2013) for the symmetric
normalisation; Chen, Paris & Durand, "Real-time edge-aware image processing with the bilateral grid" (2007).
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unet_studio.errors import RecipeError

if TYPE_CHECKING:
    from scipy import sparse

_LEAST = 1e-4
"""No class is less probable than this at first, so that none is impossible; a step of uint8 is 4e-3."""
_SMOOTH_SIGMA = 1.0
"""Pixels; the standard deviation of the kernel of place alone, as published."""
_BLUR_BESIDE = 1 / 6
"""The weight of each neighbouring grid point: this blur twice and a linear interpolation twice have a variance of 1."""
_BITS = 62
"""Into which the number of a grid point must fit."""

_Values = NDArray[np.float32]
"""A value for each class at each pixel: (h, w, classes)."""
_Filter = Callable[[_Values], _Values]


def dense_crf(
    probabilities: NDArray[np.uint8],
    pixels: NDArray[np.generic],
    *,
    sigma_space: float,
    sigma_colour: float,
    weight: float,
    smoothness: float = 1.0,
    iterations: int = 5,
    corner: tuple[int, int] = (0, 0),
) -> NDArray[np.uint8]:
    """The probabilities (h, w, channels) uint8 of all classes but background, 0…255, refined by the slide's pixels.

    Each iteration adds to a pixel's log-probability of a class `weight` times the class's share among the pixels like
    it, and `smoothness` times its share among its neighbours. So if all that is like a pixel is of one class, that
    counts as much as odds of e^weight : 1. Both kernels are normalised symmetrically, and each pixel counts for itself
    too.

    The grid agrees with the exact sum over all pairs of pixels within a few percent. Its time and memory grow with
    the pixels, fourfold the less of 2 ** channels of the slide; they are bounded by working block by block with
    a halo (`halo`) around each.

    Args:
        probabilities: (h, w, channels).
        pixels: (h, w, c) of the slide, at any scale. One that isn't finite in all channels is joined to no other.
        sigma_space: 1 or more, in pixels: how near pixels are that are joined.
        sigma_colour: above 0, in the units of `pixels`: how alike they are. Below the noise it has no effect.
        weight: 0 or more, of pixels that are near and alike.
        smoothness: 0 or more, of pixels that are near.
        iterations: 0 or more; they converge within 5 to 10.
        corner: (y, x) of the first pixel on its plane, so that all blocks of a plane share one grid.

    Raises RecipeError where a number is out of range, or the grid too fine to be numbered.
    """
    _check_numbers(sigma_space, sigma_colour, weight, smoothness, iterations)
    beliefs = _with_background(probabilities)
    evidence = np.log(np.maximum(beliefs, np.float32(_LEAST)))
    alike = _normalised(_bilateral_filter(pixels, sigma_space, sigma_colour, corner), beliefs.shape)
    near = _normalised(_gaussian_filter, beliefs.shape)
    for _ in range(iterations):
        beliefs = _softmax(evidence + np.float32(weight) * alike(beliefs) + np.float32(smoothness) * near(beliefs))
    return np.rint(255 * beliefs[..., 1:]).astype(np.uint8)


def halo(sigma_space: float) -> int:
    """How many pixels of surroundings a block needs so that its inside comes out nearly as on the whole plane.

    It is as far as the kernel extends in one iteration. What lies beyond has an effect by further iterations; near the
    edge of a block that changes few probabilities by more than 0.01, and the class of fewer than one pixel in 10,000.
    """
    return math.ceil(4 * sigma_space)


def _check_numbers(sigma_space: float, sigma_colour: float, weight: float, smoothness: float, iterations: int) -> None:
    if not 1 <= sigma_space < math.inf:
        raise RecipeError(f"The CRF needs a distance of 1 pixel or more, not {sigma_space:g}.")
    if not 0 < sigma_colour < math.inf:
        raise RecipeError(f"The CRF needs a difference in colour above 0, not {sigma_colour:g}.")
    for name, number in (("weight", weight), ("smoothness", smoothness), ("number of iterations", iterations)):
        if not 0 <= number < math.inf:
            raise RecipeError(f"The CRF needs a {name} of 0 or more, not {number:g}.")


def _with_background(probabilities: NDArray[np.uint8]) -> _Values:
    """Probabilities that sum to 1, background first."""
    classes = probabilities.astype(np.float32)
    background = np.maximum(255 - classes.sum(axis=2, keepdims=True), 0)
    everything = np.concatenate((background, classes), axis=2)
    return np.asarray(everything / everything.sum(axis=2, keepdims=True), np.float32)


def _softmax(scores: _Values) -> _Values:
    scores -= scores.max(axis=2, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=2, keepdims=True)
    return scores


def _normalised(spread: _Filter, shape: tuple[int, ...]) -> _Filter:
    """The filter D^-½ K D^-½ of a kernel K, where D is what each pixel receives of a plane of ones."""
    received = spread(np.ones((*shape[:2], 1), np.float32))
    scale = np.divide(1, np.sqrt(received), out=np.zeros_like(received), where=received > 0)
    return lambda values: scale * spread(scale * values)


def _gaussian_filter(values: _Values) -> _Values:
    """A Gaussian of place alone; beyond the edge of the plane there is nothing."""
    # SciPy takes long to load, and the window opens without it.
    from scipy import ndimage

    sigmas = (_SMOOTH_SIGMA, _SMOOTH_SIGMA, 0)
    return np.asarray(ndimage.gaussian_filter(values, sigmas, mode="constant"), np.float32)


def _bilateral_filter(
    pixels: NDArray[np.generic], sigma_space: float, sigma_colour: float, corner: tuple[int, int]
) -> _Filter:
    """A Gaussian of place and colour.

    Each pixel gives its values to the grid points around it, they are blurred along every axis in turn, and each pixel
    takes its own back in the same way. The kernel is A Aᵀ, symmetric and positive, so that the iterations converge.
    """
    to_grid, blurs = _grid(pixels, sigma_space, sigma_colour, corner)

    def spread(values: _Values) -> _Values:
        points = to_grid.T @ values.reshape(-1, values.shape[2])
        for blur in (*blurs, *reversed(blurs)):
            points = blur @ points
        return np.asarray(to_grid @ points, np.float32).reshape(values.shape)

    return spread


def _grid(
    pixels: NDArray[np.generic], sigma_space: float, sigma_colour: float, corner: tuple[int, int]
) -> "tuple[sparse.csr_array, list[sparse.csr_array]]":
    """The bilateral grid of a plane: each pixel's weights at the grid points, and the blur along each axis.

    A grid point is a place and a colour, a standard deviation from the next; only those near some pixel are there.
    """
    from scipy import sparse

    is_there = np.isfinite(pixels).all(axis=2)
    place = (np.argwhere(is_there) + corner) / sigma_space
    position = np.hstack((place, pixels[is_there].astype(np.float64) / sigma_colour))
    cell = np.floor(position)
    fraction = (position - cell).astype(np.float32)
    strides = _strides(cell)
    cells, cell_of = np.unique((cell - cell.min(axis=0, initial=0)).astype(np.int64) @ strides, return_inverse=True)
    points = _points(cells, strides)
    corners = np.searchsorted(points, cells)[:, np.newaxis]
    weights = np.ones((len(position), 1), np.float32)
    blurs = []
    for axis, stride in enumerate(strides):
        beside = np.searchsorted(points, points + stride)
        corners = np.hstack((corners, beside[corners]))
        upper = fraction[:, axis : axis + 1]
        weights = np.hstack((weights * (1 - upper), weights * upper))
        blurs.append(_blur(points, beside, stride))
    starts = np.append(0, np.cumsum(is_there)) * corners.shape[1]
    shape = (is_there.size, len(points))
    indices = corners.astype(np.int32)[cell_of].ravel()
    return sparse.csr_array((weights.ravel(), indices, starts), shape=shape), blurs


def _strides(cell: NDArray[np.float64]) -> NDArray[np.int64]:
    """What each axis adds to the number of a grid point; no row of them runs into the next, even one point beyond."""
    extents = cell.max(axis=0, initial=0) - cell.min(axis=0, initial=0) + 3
    if np.log2(extents).sum() > _BITS:
        raise RecipeError(
            "The CRF's difference in colour is too small for pixels with values so far apart. Choose a larger one."
        )
    return np.append(1, extents[:-1].cumprod()).astype(np.int64)


def _points(cells: NDArray[np.int64], strides: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers of all grid points at the corners of `cells`, in order."""
    points = cells
    for stride in strides:
        both = np.sort(np.append(points, points + stride), kind="stable")  # a merge, as both parts are sorted
        points = both[np.append(True, both[1:] != both[:-1])[: both.size]]
    return points


def _blur(points: NDArray[np.int64], beside: NDArray[np.intp], stride: np.int64) -> "sparse.csr_array":
    """The blur along one axis; `beside` is where the next point on it is, or would be, in the order of `points`."""
    from scipy import sparse

    is_there = np.append(points, -1)[beside] == points + stride
    ends = np.flatnonzero(is_there), beside[is_there]
    shape = (len(points), len(points))
    to_next = sparse.csr_array((np.full(len(ends[0]), _BLUR_BESIDE, np.float32), ends), shape=shape)
    itself = sparse.diags_array(np.full(len(points), 1 - 2 * _BLUR_BESIDE, np.float32))
    return sparse.csr_array(itself + to_next + to_next.T)
