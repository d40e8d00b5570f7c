"""What simulations came to is summed up by medians and drawn."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from unet_studio.simulation.chart import draw_curves
from unet_studio.simulation.runs import Point, Run, take_medians


def run_of(ceiling: float, *points: tuple[float, float]) -> Run:
    return Run(0, (), (), tuple(Point(minutes, minutes + 1, 1, 1, f1) for minutes, f1 in points), ceiling)


def test_medians_are_of_what_each_run_had_by_then(tmp_path: Path) -> None:
    runs = [run_of(0.8, (0.5, 0.4), (2.0, 0.8)), run_of(1.0, (0.5, 0.6), (1.0, 0.7)), run_of(0.5, (0.25, 0.5))]
    assert math.isnan(runs[0].f1_after(0.4))
    medians = take_medians(runs)
    assert [m.minutes for m in medians] == [0.5, 1.0, 2.0]
    assert [m.f1 for m in medians] == [0.5, 0.5, 0.7]
    assert medians[0].share == pytest.approx(0.6)
    assert math.isnan(run_of(0.0, (0.5, 0.0)).share(0.0))
    file = tmp_path / "sub" / "curve.png"
    draw_curves(file, runs, medians)
    picture = cv2.imread(str(file))
    assert picture is not None
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 4
