"""The worker's own main loop; its jobs need no Keras.

A proposal of a model is one class everywhere, and a first one of each model waits for the file 'go-MODEL' in the
project; 'asked-MODEL' lists the slides in the order in which they came up. A training waits for the file 'trained' and
ends with the model that has that name, a second one with 'trained-longer': better than the active one, or worse where
there is the file 'worse'. Where there is the file 'crashes' the worker ends in the middle of a training instead; one
that goes on leaves the file 'resumed'. A comparison waits for the file 'compared', and the second model is the better
one.
"""

import os
import sys
import time
import types
from pathlib import Path

import numpy as np

from unet_studio.core.classes import make_classes
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_proposal
from unet_studio.core.masks.proposals import proposal_file, slide_stamp
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.models.interrupted import CHECKPOINT
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.store import Project
from unet_studio.errors import Cancelled
from unet_studio.protocol.values import (
    Compared,
    ComparedTile,
    Comparison,
    Corrections,
    PlaneProposed,
    Preparing,
    Proposed,
    Retrained,
    Round,
)
from unet_studio.worker.__main__ import main


class Jobs:
    def propose(self, job, progress):
        place, count = Path(job.place), 0
        for slide, _ in job.planes:
            stamp = slide_stamp(Path(job.folder) / slide)
            file = proposal_file(place, job.model, PlaneId(slide))
            with (place / f"asked-{job.model}").open("a") as asked:
                asked.write(f"{slide}\n")
            write_proposal(file, (128, 128), 1, [(0, np.full((128, 128, 1), 200, np.uint8))], stamp=stamp)
            progress.event(PlaneProposed(slide, 0, job.model))
            count += 1
            while not (place / f"go-{job.model}").exists():
                progress.report(0.5, slide)
                if progress.cancelled():
                    raise Cancelled("Proposing was stopped; the slides finished before keep their proposals.")
                time.sleep(0.01)
        return Proposed(job.model, count)

    def retrain(self, job, progress):
        place = Path(job.place)
        with Project.open(Path(job.folder), place=place) as project:
            rival = project.active_model
        progress.event(Preparing("s1.png", 1, 1))
        card = ModelCard(
            "trained", "Trained", make_classes("nucleus"), Normalisation(1), {}, place / "runs" / "trained"
        )
        if (place / "crashes").exists():
            card.folder.mkdir(parents=True)
            card.write()
            (card.folder / CHECKPOINT).touch()
            os._exit(11)
        if job.resume:
            (card.folder / CHECKPOINT).unlink()
            (place / "resumed").touch()
        while not (place / "trained").exists():
            progress.report(0.1, "")
            time.sleep(0.01)
        name = "trained-longer" if (place / "models" / "trained").exists() else "trained"
        folder = place / "models" / name
        folder.mkdir(parents=True)
        ModelCard(name, name.title(), make_classes("nucleus"), Normalisation(1), {}, folder, parent=job.model).write()
        rounds = (Round(0, 1, 0.5, 0.5, 0.0, kept=True), Round(1, 1, 0.4, 0.9, 1.0, kept=True))
        comparison = better_than(rival, worse=(place / "worse").exists())
        return Retrained(name, job.model, ("background", "nucleus"), 5, rounds, comparison)

    def compare(self, job, progress):
        while not (Path(job.place) / "compared").exists():
            progress.report(0.1, "")
            if progress.cancelled():
                raise Cancelled("The comparison was stopped; nothing has changed.")
            time.sleep(0.01)
        return Compared(job.after, ("background", "nucleus"), better_than(job.before))


def better_than(model, *, worse=False):
    missed, found = ((900, 50), (50, 0)), ((900, 0), (0, 100))
    before, after = (found, missed) if worse else (missed, found)
    tiles = [ComparedTile(f"{n}.png", before, after) for n in range(5)]
    none, nothing = ((0, 0), (0, 0)), Corrections(0, 0, 0, 0)
    return Comparison(model, tiles, 0, (), nothing, nothing, nothing, (), none, none, 0, 0)


sys.modules["unet_studio.worker.jobs"] = types.SimpleNamespace(Jobs=Jobs)
sys.modules["unet_studio.unet.device"] = types.SimpleNamespace(
    find_device=lambda: types.SimpleNamespace(kind="CPU", name="test", backend="none", reason="It is a test.")
)
main()
