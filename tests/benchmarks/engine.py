"""How fast proposing and training are, relative to a float32 matrix product on the same machine in the same run.

    uv run python tests/benchmarks/engine.py [--only ROW …] [--quick] [--json]

Ratios compare across machines; seconds don't. Each repeat of a network's work is followed by a product of two
2048 × 2048 matrices, and a ratio is the median over the repeats, so that other work on the machine slows both alike.
FLOPs are those of the convolutions, two for a multiplication and an addition. `--quick` takes fewer repeats, and for
the memory a slide as wide but less high, since only the width matters. Each row gives the load of the machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tifffile

from unet_studio import paths
from unet_studio.core.exchange.importing import import_pairs
from unet_studio.core.exchange.pairs import paired
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.models.cards import find_model
from unet_studio.core.project.store import PLACE_NAME, Project
from unet_studio.core.slides.finding import find_slides
from unet_studio.core.slides.opening import open_slide
from unet_studio.demo.loop import run_headless
from unet_studio.demo.slides import prepare_demo
from unet_studio.errors import Cancelled
from unet_studio.protocol.values import Event, PartProposed, PhaseBegan, ProposeJob, Round, SlideFailed, View
from unet_studio.unet.proposing import Proposer
from unet_studio.unet.recipes import load_recipe
from unet_studio.unet.training.retraining import retrain
from unet_studio.unet.weights import load_network
from unet_studio.worker.jobs import Jobs

STARTER = "nuclei-fluorescence"
VIEW = (1000, 1600)  # what is on the screen at 1:1, (h, w)
LARGE = 16384
SMALL = 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, what it must be, and how many processes wanted a core meanwhile."""

    what: str
    value: float
    unit: str
    wanted: str
    load: float


@dataclass
class RecordingProgress:
    """A progress reporter that notes the time of each event and report, and cancels at the first event `until`."""

    until: type[Event] | None = None
    events: list[tuple[float, Event]] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)

    def report(self, done: float, text: str) -> None:
        self.steps.append(time.perf_counter())

    def event(self, event: Event) -> None:
        if isinstance(event, SlideFailed):
            raise SystemExit(event.reason)
        self.events.append((time.perf_counter(), event))

    def cancelled(self) -> bool:
        return any(type(event) is self.until for _, event in self.events)

    def when(self, kind: type[Event]) -> float:
        return next(moment for moment, event in self.events if type(event) is kind)


@dataclass
class Stopwatch:
    """Adds up the seconds that a function takes."""

    seconds: list[float] = field(default_factory=list)

    @contextmanager
    def on(self, owner: Any, name: str) -> Iterator[None]:
        original = getattr(owner, name)

        def timed(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            result = original(*arguments, **options)
            self.seconds.append(time.perf_counter() - started)
            return result

        setattr(owner, name, timed)
        try:
            yield
        finally:
            setattr(owner, name, original)


def product_rate() -> float:
    """FLOP/s of a float32 product of two 2048 × 2048 matrices, the median of three."""
    matrix = np.ones((2048, 2048), np.float32)
    times = []
    for _ in range(4):
        started = time.perf_counter()
        _ = matrix @ matrix
        times.append(time.perf_counter() - started)
    return float(2 * 2048**3 / statistics.median(times[1:]))


def convolution_flops(network: keras.Model, side: int) -> int:
    """FLOPs of one forward pass over a tile of this side."""
    channels = network.input_shape[-1]
    fixed = keras.models.clone_model(network, input_tensors=keras.Input((side, side, channels)))
    total = 0
    for layer in fixed.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):  # each pixel of its input is spread over the kernel
            total += 2 * int(np.prod(layer.kernel.shape)) * int(np.prod(layer.input.shape[1:3]))
        elif isinstance(layer, keras.layers.Conv2D):
            total += 2 * int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:3]))
    return total


def make_slide(file: Path, height: int, width: int) -> Path:
    """A tiled grey slide: a bundled one, repeated."""
    source = next(iter(sorted((paths.resources() / "demo" / "slides").iterdir())))
    with open_slide(source) as reader:
        pixels = reader.read(0, reader.info.box()).mean(axis=2).astype(np.uint8)
    times = (-(-height // pixels.shape[0]), -(-width // pixels.shape[1]))
    tifffile.imwrite(file, np.tile(pixels, times)[:height, :width], tile=(256, 256), photometric="minisblack")
    return file


def propose_all(proposer: Proposer, slide: Path, place: Path) -> None:
    with open_slide(slide) as reader:
        proposer.propose(reader, PlaneId(slide.name), place, stamp="", progress=lambda _: None)


def proposing(folder: Path, repeats: int) -> Iterator[Row]:
    """The network's speed while a slide is proposed, and what all the rest adds."""
    slide = make_slide(folder / "slide.tif", 2048, 2048)
    card = find_model(STARTER, None)
    proposer = Proposer(card)
    grid = proposer._predictor._grid((2048, 2048))
    flops = len(grid.y.starts) * len(grid.x.starts) * convolution_flops(load_network(card), grid.y.side)
    propose_all(proposer, slide, folder / "place")
    speeds, shares = [], []
    for _ in range(repeats):
        watch = Stopwatch()
        started = time.perf_counter()
        with watch.on(proposer._predictor._model, "predict_on_batch"):
            propose_all(proposer, slide, folder / "place")
        seconds = time.perf_counter() - started
        speeds.append(flops / sum(watch.seconds) / product_rate())
        shares.append(seconds / sum(watch.seconds))
    yield row("proposing 2048²: network part ÷ matrix product", statistics.median(speeds), "×", "≥ 0.85")
    yield row("proposing 2048²: end to end ÷ network part", statistics.median(shares), "×", "≤ 1.15")


def view(folder: Path, repeats: int) -> Iterator[Row]:
    """From the request to the proposal of what is on the screen, on a large slide with a warm worker."""
    make_slide(folder / "large.tif", LARGE, LARGE)
    make_slide(folder / "small.tif", SMALL, SMALL)
    place = folder / PLACE_NAME
    jobs = Jobs()
    jobs.propose(ProposeJob(str(folder), str(place), STARTER, [("small.tif", 0)]), RecordingProgress())
    seconds = []
    for number in range(repeats):
        y, x = 5000 + 300 * number, 9000
        shown = View("large.tif", 0, y, x, y + VIEW[0], x + VIEW[1])
        progress = RecordingProgress(until=PartProposed)
        started = time.perf_counter()
        with suppress(Cancelled):
            jobs.propose(ProposeJob(str(folder), str(place), STARTER, [("large.tif", 0)], view=shown), progress)
        seconds.append(progress.when(PartProposed) - started)
    yield row(f"first proposal in view, {VIEW[1]} × {VIEW[0]} of 16384²", statistics.median(seconds), "s", "≤ 3")


def memory(folder: Path, repeats: int) -> Iterator[Row]:
    """The peak of a process that proposes a large slide, over that of one that proposes a small one."""
    height = LARGE if repeats > 3 else 1280
    peaks = []
    for name, shape in (("small.tif", (SMALL, SMALL)), ("large.tif", (height, LARGE))):
        slide = make_slide(folder / name, *shape)
        command = [sys.executable, __file__, "--peak-of", str(slide)]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    what = f"peak memory of proposing {LARGE} × {height} over 1024²"
    yield row(what, (peaks[1] - peaks[0]) / 1024, "MiB", "≤ 600")


def peak_of(slide: Path) -> int:
    """KiB that this process held at most after it proposed a slide (Linux)."""
    import resource  # Windows has none

    propose_all(Proposer(find_model(STARTER, None)), slide, slide.parent / PLACE_NAME)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def training(folder: Path, repeats: int) -> Iterator[Row]:
    """The steps of the one-click training, as it runs in the program."""
    with labelled_demo(folder / "demo") as project:
        card = find_model(project.active_model, project.place)
        speeds, waits = [], []
        for _ in range(max(1, repeats // 3)):
            watch = Stopwatch()
            recipe, progress = load_recipe("retrain", ["schedule.rounds=1", "schedule.steps=30"]), RecordingProgress()
            with watch.on(keras.Model, "train_on_batch"):
                retrain(project, card, recipe, progress, channels=0)
            settled = watch.seconds[5:]  # the first ones compile, and find the queue empty
            between = np.diff(progress.steps)[4:]
            waits.append((between.sum() - sum(settled)) / sum(settled))
            flops = 3 * recipe.schedule.batch * convolution_flops(load_network(card), recipe.schedule.patch)
            speeds.append(flops / statistics.median(settled) / product_rate())
    yield row("training step of 'retrain' (3 × forward) ÷ matrix product", statistics.median(speeds), "×", "≥ 0.70")
    yield row("waiting for input ÷ training step", statistics.median(waits) * 100, "%", "≤ 5")


def start(folder: Path, repeats: int) -> Iterator[Row]:
    """From starting a worker until it says that it is ready."""
    seconds = []
    for _ in range(min(3, repeats)):
        started = time.perf_counter()
        command = [sys.executable, "-P", "-m", "unet_studio.worker"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert b"ready" in process.stdout.readline()
            seconds.append(time.perf_counter() - started)
            process.stdin.close()
    yield row("worker start to ready", statistics.median(seconds), "s", "≤ 8")


def click(folder: Path, repeats: int) -> Iterator[Row]:
    """The demo: four slides are corrected, one click retrains, and the first better round is the better proposal."""
    progress = RecordingProgress()
    report = run_headless(folder / "demo", progress, Jobs())
    clicked = next(moment for moment, event in progress.events if event == PhaseBegan("Retrain"))
    rounds = [(moment, event) for moment, event in progress.events if isinstance(event, Round)]
    first = [moment for moment, event in rounds[1:] if event.dice > rounds[0][1].dice]
    yield row("demo: one click to the first better round", (first or [np.nan])[0] - clicked, "s", "")
    seconds = report.seconds["Retrain"] + report.seconds["Propose again"] / len(find_slides(report.folder))
    yield row("demo: one click to the first better proposal", seconds, "s", "≤ 90")


ROWS: dict[str, Callable[[Path, int], Iterator[Row]]] = {
    "proposing": proposing,
    "view": view,
    "memory": memory,
    "training": training,
    "start": start,
    "click": click,
}


@contextmanager
def labelled_demo(folder: Path) -> Iterator[Project]:
    """The demo project with all true masks as labels."""
    slides = prepare_demo(folder)
    with Project.open(slides) as project:
        list(import_pairs(project, paired(project.folder, paths.resources() / "demo" / "masks").pairs))
        yield project


def row(what: str, value: float, unit: str, wanted: str) -> Row:
    """A figure with the load of the last minute."""
    return Row(what, float(value), unit, wanted, os.getloadavg()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), help="only these rows")
    parser.add_argument("--peak-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        print(peak_of(options.peak_of))
        return
    rows = []
    for name in options.only:
        with tempfile.TemporaryDirectory() as temporary:
            for found in ROWS[name](Path(temporary), 3 if options.quick else 9):
                rows.append(found)
                if not options.json:
                    print(
                        f"{found.what:58} {found.value:9.3f} {found.unit:3}  {found.wanted:8} load {found.load:.1f}",
                        flush=True,
                    )
    if options.json:
        print(json.dumps({"product_gflops": product_rate() / 1e9, "results": [asdict(found) for found in rows]}))


if __name__ == "__main__":
    main()
