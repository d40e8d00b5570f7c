"""The rows of the canvas benchmark: each function is one group of rows and runs in a process of its own.

Each gets an empty folder for its slides, and returns figures with the limits that they are held to.
"""

import math
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
from canvas_slides import texture, write_huge, write_png
from canvas_window import Bench, percentile, resident_mib
from PySide6.QtCore import QEvent, QPointF

from unet_studio.core.tiles import Box

SIDES = (1024, 4096, 16384)
_LARGE = SIDES[-1]
_HUGE = (80_000, 100_000)
_SLIDES = 10_000
_REGION_RADIUS = 798.0  # a circle of two million pixels


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: what was measured, in what unit, and what it must not exceed."""

    what: str
    value: float
    unit: str
    most: float


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: `times` multiplies strokes, slides and places."""

    times: int

    @classmethod
    def of(cls, *, quick: bool) -> "Effort":
        return cls(1 if quick else 4)


def brush(side: int, folder: Path, effort: Effort) -> list[Figure]:
    """40 px of the slide, fast winding strokes at fit and at 2×."""
    bench = _bench_on(folder, side)
    figures = []
    for name, zoom in (("fit", None), ("2×", 2.0)):
        _show(bench, zoom, brush=40)
        frames = [ms for n in range(effort.times) for ms in bench.stroke(bench.winding(120, start=n))]
        figures.append(Figure(f"brush 40 px, {side}², {name}, p95", percentile(frames, 95), "ms", 4))
    return _finish(bench, f"brush {side}²", figures)


def wide_brush(folder: Path, effort: Effort) -> list[Figure]:
    """A brush of 400 px of the screen."""
    bench = _bench_on(folder, _LARGE)
    figures = []
    for zoom in (0.5, 1.0):
        _show(bench, zoom, brush=round(400 / zoom))
        frames = [ms for n in range(effort.times) for ms in bench.stroke(bench.winding(80, start=n))]
        figures.append(
            Figure(f"brush 400 px of the screen, {_LARGE}², {zoom:g}×, p95", percentile(frames, 95), "ms", 10)
        )
    return _finish(bench, "wide brush", figures)


def undo(folder: Path, effort: Effort) -> list[Figure]:
    """Undo and redo of one stroke of 40 px: a short one at 2×, and one that winds over the whole slide."""
    bench = _bench_on(folder, _LARGE)
    figures = []
    for name, zoom in (("at 2×", 2.0), ("over all of the slide", None)):
        _show(bench, zoom, brush=40)
        for n in range(2):
            bench.stroke(bench.winding(120, start=n))
        bench.idle(0.5)
        steps = ("undo", "redo") * (3 * effort.times)
        frames = {"undo": [], "redo": []}
        for step in steps:
            frames[step].append(bench.frame(partial(bench.act, step)))
            bench.idle(0.1)
        for step, values in frames.items():
            figures.append(Figure(f"{step} a stroke {name}, {_LARGE}², p95", percentile(values, 95), "ms", 16))
    return _finish(bench, "undo", figures)


def view(folder: Path, effort: Effort) -> list[Figure]:
    """Pan by dragging and zoom by the wheel, over a slide with labels from edge to edge."""
    bench = _bench_on(folder, _LARGE)
    _paint_all_over(bench)
    bench.act("move")
    frames = []
    for zoom in (0.08, 0.3, 0.7, 1.5):
        _show(bench, zoom)
        for n in range(effort.times):
            frames += bench.stroke(bench.there_and_back(120, direction=n))
    figures = [Figure(f"pan, {_LARGE}² with overlay, p95", percentile(frames, 95), "ms", 16)]
    _show(bench, None)
    frames = []
    for steps in ((1,) * 14, (-1,) * 14) * effort.times:
        for step in steps:
            with bench.paced():
                frames.append(bench.frame(partial(bench.wheel, bench.middle(), step)))
    figures.append(Figure(f"zoom, {_LARGE}² with overlay, p95", percentile(frames, 95), "ms", 16))
    return _finish(bench, "pan and zoom", figures)


def next_slide(folder: Path, effort: Effort) -> list[Figure]:
    """From the key until the whole next slide is on the screen; dark and bright slides take turns."""
    slides = folder / "slides"
    slides.mkdir()
    count = 6 * effort.times
    for number in range(count):
        write_png(slides / f"{number}.png", 1024, brightness=230 if number % 2 else 150)
    bench = Bench(folder)
    bench.open_folder(slides)
    times = []
    for number in range(1, count):
        bench.idle(0.6)
        shown = {"brighter": 190.0} if number % 2 else {"darker": 190.0}
        times.append(bench.after(partial(bench.press, "next_slide"), partial(bench.shows_slide, **shown)))
    return _finish(bench, "next slide", [Figure("next slide, 1024² PNG, p95", percentile(times, 95), "ms", 50)])


def memory(folder: Path, effort: Effort) -> list[Figure]:
    """One large slide, labels all over it, zoomed and panned."""
    bench = _bench_on(folder, _LARGE)
    _paint_all_over(bench)
    for zoom in (None, 0.3, 1.0, 2.0):
        _show(bench, zoom, brush=40)
        for n in range(effort.times):
            bench.stroke(bench.winding(60, start=n))
    bench.idle(1.0)
    return _finish(bench, "memory", [Figure(f"memory, {_LARGE}² PNG and labels", resident_mib(), "MiB", 900)])


def huge(folder: Path, effort: Effort) -> list[Figure]:
    """A whole-slide pyramid: to the first picture, then panned and painted in many places."""
    slides = folder / "slides"
    slides.mkdir()
    _write_in_new_process(write_huge, slides / "slide.tif", *_HUGE)
    bench = Bench(folder)
    opened = bench.after(partial(bench.window.open_folder, slides), bench.shows_slide)
    bench.open_folder(slides)
    chance = random.Random(0)
    places = 5 * effort.times
    for _ in range(places):
        _show(bench, None)
        bench.canvas.centerOn(chance.uniform(0.1, 0.9) * _HUGE[1], chance.uniform(0.1, 0.9) * _HUGE[0])
        bench.canvas.zoom_to(chance.choice((0.3, 0.7, 1.0, 2.0)))
        for n in range(5):
            bench.act("move")
            bench.stroke(bench.there_and_back(120, direction=n))
            bench.act("brush")
            bench.stroke(bench.winding(80, start=n))
    size = f"{_HUGE[1]} × {_HUGE[0]} TIFF"
    figures = [
        Figure(f"open {size} to the first picture", opened, "ms", 1000),
        Figure(f"memory after {places} places of a {size}", resident_mib(), "MiB", 1024),
    ]
    return _finish(bench, "huge slide", figures)


def regions(folder: Path, effort: Effort) -> list[Figure]:
    """Two million pixels at once, by each tool that takes a whole region."""
    slides = folder / "slides"
    slides.mkdir()
    _write_in_new_process(write_png, slides / "slide.png", _LARGE, spot=round(_REGION_RADIUS))
    bench = Bench(folder)
    bench.open_folder(slides)
    figures = []
    for name, paint in (("fill", _fill), ("wand", _wand), ("polygon", _polygon)):
        _show(bench, 0.4, brush=40)
        times = []
        for _ in range(2 * effort.times):
            times.append(paint(bench))
            bench.act("undo")
            bench.idle(0.3)
        figures.append(Figure(f"{name}, two million pixels of {_LARGE}², p95", percentile(times, 95), "ms", 150))
    return _finish(bench, "regions", figures)


def many_slides(folder: Path, effort: Effort) -> list[Figure]:
    """A folder of 10,000: until the first slide is on the screen and the list knows what comes next."""
    slides = folder / "slides"
    slides.mkdir()
    encoded = cv2.imencode(".png", texture(256))[1].tobytes()
    for number in range(_SLIDES):
        (slides / f"slide{number}.png").write_bytes(encoded)
    bench = Bench(folder)

    def usable() -> bool:
        return bench.window.slides.next_slide() == "slide1.png" and bench.shows_slide()

    opened = bench.after(partial(bench.window.open_folder, slides), usable)
    bench.idle(3.0)  # thumbnails stream in
    return _finish(bench, "many slides", [Figure(f"open a folder of {_SLIDES} slides", opened, "ms", 1500)])


GROUPS: dict[str, Callable[[Path, Effort], Sequence[Figure]]] = {
    **{f"brush-{side}": partial(brush, side) for side in SIDES},
    "wide-brush": wide_brush,
    "undo": undo,
    "view": view,
    "next": next_slide,
    "memory": memory,
    "huge": huge,
    "regions": regions,
    "folder": many_slides,
}


def _bench_on(folder: Path, side: int) -> Bench:
    """A window on one slide of side² pixels."""
    slides = folder / "slides"
    slides.mkdir()
    _write_in_new_process(write_png, slides / "slide.png", side)
    bench = Bench(folder)
    bench.open_folder(slides)
    return bench


def _write_in_new_process(write: Callable[..., None], *arguments: object, **options: object) -> None:
    """Write a slide in a process of its own: what that leaves in memory isn't the window's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(write, *arguments, **options).result()


def _show(bench: Bench, zoom: float | None, *, brush: int = 40) -> None:
    """Look at the middle of the slide, or at all of it, until it is painted."""
    bench.window.painting.set_brush_size(brush)
    bench.act("fit")
    if zoom is not None:
        bench.canvas.zoom_to(zoom)
    bench.idle(1.0)


def _paint_all_over(bench: Bench) -> None:
    """Strokes of the widest brush and thin ones, from edge to edge."""
    for size, strokes in ((1000, 6), (40, 6)):
        _show(bench, None, brush=size)
        for n in range(strokes):
            bench.stroke(bench.winding(100, start=n))


def _finish(bench: Bench, name: str, figures: list[Figure]) -> list[Figure]:
    stall = Figure(f"stall of the event loop, {name}, p99", bench.stall_ms(), "ms", 50)
    bench.close()
    return [*figures, stall]


# Tools that take a whole region: each paints two million pixels about the middle, and says how long that took


def _fill(bench: Bench) -> float:
    bench.act("brush")
    bench.stroke(bench.circle(_REGION_RADIUS, 200))
    bench.act("fill")
    return _until_painted(bench, lambda: _click(bench, QPointF(bench.middle())))


def _wand(bench: Bench) -> float:
    bench.act("wand")
    return _until_painted(bench, lambda: _click(bench, QPointF(bench.middle())))


def _polygon(bench: Bench) -> float:
    bench.act("polygon")
    corners = bench.circle(_REGION_RADIUS, 60)
    for corner in corners[:-1]:
        _click(bench, corner)
        bench.idle(0.02)
    return _until_painted(bench, lambda: _click(bench, corners[0]))


def _click(bench: Bench, at: QPointF) -> None:
    bench.mouse(QEvent.Type.MouseButtonPress, at)
    bench.mouse(QEvent.Type.MouseButtonRelease, at)


def _until_painted(bench: Bench, send: Callable[[], None]) -> float:
    """Milliseconds until the middle of the slide has a label, and that is on the screen."""
    middle = bench.canvas.mapToScene(bench.middle())
    y, x = math.floor(middle.y()), math.floor(middle.x())

    def labelled() -> bool:
        plane = bench.window.session.plane
        return plane is not None and int(plane.labels.read(Box(y, x, y + 1, x + 1))[0, 0]) == 1

    assert not labelled()
    return bench.frame(send, labelled)
