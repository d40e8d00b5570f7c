"""Whether an order of slides beats another: simulations of the same seeds, compared seed by seed.

    uv run unet-studio simulate FOLDER --truth DIR --seeds 5 --order teaches-most --json > ranked.json
    uv run unet-studio simulate FOLDER --truth DIR --seeds 5 --order random --json > random.json
    uv run python training/orders.py ranked.json random.json [ranked2.json random2.json ...]

Each pair of files is one data set. What is compared is the F1 averaged over the minutes from the first model of both to
the end, and the last F1; the difference is given with its 95 % interval over seeds, and over all seeds of all sets.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.scoring.bootstrap import bootstrap_interval


def main(files: list[str]) -> None:
    if not files or len(files) % 2:
        sys.exit(__doc__)
    found = []
    for ranked, other in zip(files[::2], files[1::2], strict=True):
        pairs = _paired(_read(ranked), _read(other))
        _tell(f"{ranked} − {other}", pairs)
        found.append(pairs)
    if len(found) > 1:
        _tell("all sets", np.concatenate(found))


def _read(file: str) -> dict[int, Any]:
    """The runs of one answer of `simulate`, by seed."""
    return {run["seed"]: run for run in json.loads(Path(file).read_text(encoding="utf-8"))["runs"]}


def _paired(ranked: dict[int, Any], other: dict[int, Any]) -> NDArray[np.float64]:
    """For each seed that both have, (seeds, 2): the difference of the mean F1 over time, and of the last F1."""
    rows = []
    for seed in sorted(ranked.keys() & other.keys()):
        curves = [run["points"] for run in (ranked[seed], other[seed])]
        first = max(points[0]["minutes"] for points in curves)
        last = max(points[-1]["minutes"] for points in curves)
        minutes = np.linspace(first, last, 200)
        means = [np.mean([_f1_after(points, minute) for minute in minutes]) for points in curves]
        rows.append((means[0] - means[1], curves[0][-1]["f1"] - curves[1][-1]["f1"]))
    return np.array(rows)


def _f1_after(points: list[dict[str, float]], minutes: float) -> float:
    return [point["f1"] for point in points if point["minutes"] <= minutes][-1]


def _tell(title: str, pairs: NDArray[np.float64]) -> None:
    print(f"{title}, {len(pairs)} seeds")
    for column, name in enumerate(("mean F1 over time", "last F1")):
        differences = np.stack([pairs[:, column], np.ones(len(pairs))], axis=1)
        interval = bootstrap_interval(differences, lambda sums: sums[:, 0] / sums[:, 1])
        each = ", ".join(f"{value:+.4f}" for value in pairs[:, column])
        print(f"  {name}: {interval.value:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]; by seed {each}")


if __name__ == "__main__":
    main(sys.argv[1:])
