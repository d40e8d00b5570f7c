"""Simulated people who correct in part: does a model that learned from them forget, and does it learn?

    uv run python training/corrections.py --data ../shared/data --json corrections.json
    uv run python training/corrections.py --sets he_dev --ways erase-only worst-three --seeds 0 1 2

For each data set, way of working and seed a person works on the slides of a pool and asks for a few trainings; each
new model, adopted or not, is judged on slides that nobody works on. Prints a row for each click. Of a set without empty
slides the person reviews crops in which nothing is; where they would be too small, that is said. What the file of
--json holds already isn't run again, so a run that was ended goes on where it was.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from make_starters import import_or_exit
from numpy.typing import NDArray

from unet_studio.cli.engine import load_engine
from unet_studio.core.classes import make_classes
from unet_studio.core.exchange.importing import import_pairs
from unet_studio.core.exchange.pairs import find_pairs
from unet_studio.core.project.store import Project
from unet_studio.errors import StudioError
from unet_studio.protocol.values import NO_PROGRESS, RetrainJob
from unet_studio.simulation.loop import simulate
from unet_studio.simulation.runs import Run, Setup, Way
from unet_studio.usecases.engine import Engine

Slide = tuple[str, NDArray[Any], NDArray[np.uint8]]
"""Name, pixels (h, w) or (planes, h, w), with channels or without, and true classes of the same planes."""

_SMALLEST_CROP = 48
"""px; a crop in which nothing is has this side at least."""
_TEST_SHARE = 0.4
"""Of the slides so many are judged on."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """What a person works on: how its slides are read, the classes but background, and the model to begin with.

    Without a `start` a first model is trained on `first` slides that are labelled in full, and left out afterwards.
    """

    read: Callable[[Path], list[Slide]]
    classes: tuple[str, ...]
    start: str = ""
    first: int = 0


def read_plain(folder: Path) -> list[Slide]:
    """Slides with masks of object numbers: whatever isn't 0 is of the one class."""
    slides = []
    for file in sorted((folder / "images").iterdir()):
        mask = cv2.imread(str(next((folder / "masks").glob(f"{file.stem}.*"))), cv2.IMREAD_UNCHANGED)
        pixels = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert mask is not None and pixels is not None
        if pixels.ndim == 3:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)
        slides.append((f"{file.stem}.tif", pixels, np.asarray(mask.reshape(*mask.shape[:2], -1)[..., 0] > 0, np.uint8)))
    return slides


def read_unseen(folder: Path) -> list[Slide]:
    """Of `read_plain` those that the starter models never saw."""
    return read_plain(folder)[1::4]


def read_axons(folder: Path) -> list[Slide]:
    """Large sections as stacks of four crops, so that all of one section are on the same side."""
    side, slides = 352, []
    for file in sorted((folder / "images").iterdir()):
        pixels, mask = (
            cv2.imread(str(folder / kind / file.name), cv2.IMREAD_UNCHANGED) for kind in ("images", "masks_index")
        )
        assert pixels is not None and mask is not None
        corners = [(y, x) for y in (0, pixels.shape[0] - side) for x in (0, pixels.shape[1] - side)]
        crops = [(pixels[y : y + side, x : x + side], mask[y : y + side, x : x + side]) for y, x in corners]
        slides.append((f"{file.stem}.tif", np.stack([c for c, _ in crops]), np.stack([m for _, m in crops])))
    return slides


SETS = {
    "dsb_fluo_dev": DataSet(read_unseen, ("nucleus",), "nuclei-fluorescence"),
    "he_dev": DataSet(read_unseen, ("nucleus",), "nuclei-histology"),
    "axon_sem_dev": DataSet(read_axons, ("myelin", "axon"), "axon-myelin"),
    "usiigaci_dev": DataSet(read_plain, ("cell",), first=2),
}


@contextmanager
def prepared(
    name: str, data: Path, engine: Engine, seed: int, starts: Path
) -> Iterator[tuple[Path, tuple[str, ...], str]]:
    """A folder of slides and true masks, deleted at the end, the slides to judge on, and the model to begin with.

    A first model is trained once and kept in the folder `starts`.
    """
    chosen = SETS[name]
    with tempfile.TemporaryDirectory(prefix="corrections-") as temporary:
        place = Path(temporary)
        slides = chosen.read(data / name)
        order = np.random.default_rng(seed).permutation(len(slides))
        first = [slides[i] for i in order[: chosen.first]]
        start = chosen.start or train_first(starts / f"{name}-{seed}", first, chosen.classes, engine, seed)
        left = [slides[i] for i in order[chosen.first :]]
        write_slides(place, left)
        yield place, tuple(name for name, _, _ in left[: round(_TEST_SHARE * len(left))]), start


def write_slides(place: Path, slides: Sequence[Slide]) -> None:
    for kind in ("slides", "truth"):
        (place / kind).mkdir(parents=True, exist_ok=True)
    for name, pixels, truth in slides:
        photometric = "rgb" if pixels.shape[-1] == 3 else "minisblack"
        tifffile.imwrite(place / "slides" / name, pixels, photometric=photometric)
        tifffile.imwrite(place / "truth" / name, truth, photometric="minisblack")


def train_first(place: Path, slides: Sequence[Slide], classes: Sequence[str], engine: Engine, seed: int) -> str:
    """The folder of a first model of slides that are labelled in full; it is trained where it isn't there yet."""
    if not place.exists():
        write_slides(place, slides)
        with Project.open(place / "slides", place=place / "project") as project:
            project.set_classes(make_classes(*classes))
            import_or_exit(import_pairs(project, find_pairs(place / "slides", place / "truth")))
        job = RetrainJob(str(place / "slides"), str(place / "project"), "", "", [f"seed={seed}"])
        engine.retrain(job, NO_PROGRESS)
    return str(next((place / "project" / "models").iterdir()))


def empty_crops(slides: Sequence[Slide]) -> list[Slide]:
    """From each plane the largest square in which nothing is, where its side is 48 px or more."""
    crops = []
    for name, pixels, truth in slides:
        planes = zip(pixels, truth, strict=True) if truth.ndim == 3 else [(pixels, truth)]
        for number, (plane, mask) in enumerate(planes):
            free = cv2.distanceTransform(np.pad(mask == 0, 1).astype(np.uint8), cv2.DIST_C, 3)[1:-1, 1:-1]
            y, x = np.unravel_index(int(np.argmax(free)), free.shape)
            reach = int(free[y, x]) - 1
            if 2 * reach + 1 >= _SMALLEST_CROP:
                box = (slice(y - reach, y + reach + 1), slice(x - reach, x + reach + 1))
                crops.append((f"empty-{number}-{name}", plane[box], np.zeros_like(mask[box])))
    return crops


def work(name: str, way: Way, seed: int, wanted: argparse.Namespace, engine: Engine, starts: Path) -> Run | str:
    """One simulation, or why there is none."""
    chosen = SETS[name]
    with prepared(name, wanted.data, engine, seed, starts) as (place, test, start):
        if way is Way.EMPTIES:
            crops = empty_crops(chosen.read(wanted.data / name))
            if len(crops) < 3:
                return (
                    f"{name} has no empty slide, and fewer than three crops of {_SMALLEST_CROP} px in which nothing is."
                )
            write_slides(place, crops)
        setup = Setup(
            place / "slides", place / "truth", classes=chosen.classes, start=start, way=way, clicks=wanted.clicks,
            minutes=wanted.minutes, train_seconds=0, test=test, seed=seed, recipe=wanted.recipe,
            changes=tuple(wanted.set),
        )  # fmt: skip
        try:
            return simulate(setup, engine, NO_PROGRESS)
        except StudioError as error:
            return str(error)


def rows_of(name: str, way: Way, run: Run) -> list[list[str]]:
    """A row for each click: what was in use before it, the new model, and what is in use after it."""
    rows = []
    for click, (before, point) in enumerate(zip(run.points, run.points[1:], strict=False), start=1):
        new = point.model
        assert new is not None  # all but the first come of a training
        rows.append([
            name, way, str(run.seed), str(click), f"{point.minutes:.1f}", str(point.strokes), f"{before.f1:.4f}",
            f"{new.f1:.4f}", "yes" if point.is_adopted else "no", f"{point.f1:.4f}", f"{new.corrected_right:.3f}",
            f"{before.false_objects} → {new.false_objects}",
        ])  # fmt: skip
    return rows


_TITLES = (
    "set", "way", "seed", "click", "minutes", "strokes", "F1 before", "new model", "used", "F1 after",
    "corrected right", "false objects",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--ways", nargs="+", type=Way, choices=list(Way), default=list(Way))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--clicks", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--recipe", default="")
    parser.add_argument("--set", action="append", default=[], help="a change of the recipe, as for 'retrain'")
    parser.add_argument("--json", type=Path, help="written anew after each simulation; what it holds is done")
    wanted = parser.parse_args()
    done: list[dict[str, Any]] = json.loads(wanted.json.read_text()) if wanted.json and wanted.json.exists() else []
    known = {(run["set"], run["way"], run["seed"]) for run in done}
    print(" | ".join(_TITLES), flush=True)
    with tempfile.TemporaryDirectory(prefix="corrections-") as starts:
        engine = load_engine(trains=True)
        for seed, way, name in product(wanted.seeds, wanted.ways, wanted.sets):
            if (name, way, seed) in known:
                continue
            began = time.monotonic()
            run = work(name, way, seed, wanted, engine, Path(starts))
            seconds = round(time.monotonic() - began)
            if isinstance(run, str):
                print(f"{name} | {way} | {seed} | not run: {run}", flush=True)
                done.append({"set": name, "way": way, "seed": seed, "not_run": run})
            else:
                print("\n".join(" | ".join(row) for row in rows_of(name, way, run)), f"({seconds} s)", flush=True)
                done.append({"set": name, "way": way, "seconds": seconds, **asdict(run)})
            if wanted.json:
                wanted.json.write_text(json.dumps(done, default=str, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
