"""The curves of simulations as a picture."""

from collections.abc import Sequence
from pathlib import Path

import cv2

from unet_studio.core.figures.charts import Series, line_chart
from unet_studio.core.files import write_atomically
from unet_studio.simulation.runs import Medians, Run


def draw_curves(file: Path, runs: Sequence[Run], medians: Sequence[Medians]) -> None:
    """Write a PNG of F1 against minutes of work: a curve for each run, and the medians where there are several."""
    series = [Series(f"seed {run.seed}", tuple((p.minutes, p.f1) for p in run.points)) for run in runs]
    if len(runs) > 1:
        series.append(Series("median", tuple((m.minutes, m.f1) for m in medians)))
    picture = line_chart(series, title="Simulated annotator", x_title="minutes of work", y_title="F1 on unseen slides")
    write_atomically(file, cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
