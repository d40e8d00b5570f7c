"""Bootstrap: how far a figure that is pooled over slides could be off, had other slides of the same kind been drawn."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DRAWS = 4000
_SEED = 0
"""The same figures always get the same interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its 95 % confidence interval; NaN where there is nothing to say."""

    value: float
    low: float
    high: float


def bootstrap_interval(
    units: NDArray[np.number], statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]], *, draws: int = _DRAWS
) -> Interval:
    """The 95 % confidence interval of a statistic of sums over independent units, such as slides.

    The units are drawn again with replacement, and the standard deviation of the statistic over the draws, widened by
    √(n / (n - 1)), is its standard error; the interval is as many of these to each side as Student's t with n - 1
    degrees of freedom says. The percentiles of the draws themselves would be too narrow for few units: of two they
    can't lie outside what the two have. Reference: Hesterberg 2015, "What Teachers Should Know About the Bootstrap",
    doi 10.1080/00031305.2015.1089789, sections 4 and 5.

    Args:
        units: (n, …); what is pooled of each unit, for example its confusion before and after.
        statistic: gives (m,) for sums (m, …) over units; NaN where a sum says nothing, which is left out.
    """
    count = len(units)
    value = float(statistic(units.sum(axis=0, dtype=np.float64)[None])[0]) if count else math.nan
    if count < 2 or math.isnan(value):
        return Interval(value, math.nan, math.nan)
    # SciPy takes half a second to load, and most who start the program ask for no interval.
    from scipy.special import stdtrit

    weights = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=draws)
    flat = units.reshape(count, -1).astype(np.float64)
    drawn = statistic((weights @ flat).reshape(draws, *units.shape[1:]))
    known = drawn[~np.isnan(drawn)]
    if known.size < draws / 2:
        return Interval(value, math.nan, math.nan)
    error = float(known.std()) * math.sqrt(count / (count - 1))
    reach = float(stdtrit(count - 1, 0.975)) * error
    return Interval(value, value - reach, value + reach)
