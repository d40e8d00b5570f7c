"""Checkpoints: the state from which an interrupted training continues as it would have without the interruption."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from unet_studio.core.files import write_atomically
from unet_studio.core.models.interrupted import CHECKPOINT
from unet_studio.errors import ModelError
from unet_studio.protocol.values import Round

_GROUPS = ("network", "optimiser", "best")

Arrays = Sequence[NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a training at the end of a round.

    `network` are all of its variables, those of its random generators among them, `optimiser` the optimiser's, the
    averaged weights (EMA) among them, `best` the best weights so far; `facts` is what JSON knows.
    """

    network: Arrays
    optimiser: Arrays
    best: Arrays
    facts: dict[str, Any]

    @property
    def history(self) -> tuple[Round, ...]:
        """All rounds so far; checkpoints of earlier versions call those whose weights were kept the best."""
        stored = [{"kept": report.get("best"), **report} for report in self.facts["history"]]
        return tuple(Round(**{name: report[name] for name in report if name != "best"}) for report in stored)

    def check_fits(self, network: keras.Model, optimiser: keras.optimizers.Optimizer, run: Path) -> None:
        """Raise `ModelError` unless the checkpoint, of the folder `run`, is of such a network and optimiser."""
        pairs = [*zip_longest(network.variables, self.network), *zip_longest(optimiser.variables, self.optimiser)]
        if any(ours is None or stored is None or tuple(ours.shape) != stored.shape for ours, stored in pairs):
            raise ModelError(
                f"The training in '{run}' was of another network or with another optimiser, so it can't go on. "
                "Use the recipe that it began with, or start a new training."
            )

    def write(self, run: Path) -> None:
        """Replace the checkpoint in the folder `run`; a crash leaves the old one or the new one."""
        stream = io.BytesIO()
        arrays = {f"{group}{index}": array for group in _GROUPS for index, array in enumerate(getattr(self, group))}
        np.savez(stream, allow_pickle=False, facts=np.array(json.dumps(self.facts)), **arrays)
        write_atomically(run / CHECKPOINT, stream.getvalue())


def read_checkpoint(run: Path) -> Checkpoint:
    """The checkpoint in the folder `run`; raises `ModelError` if there is none or it is damaged."""
    try:
        with (run / CHECKPOINT).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            groups = {
                group: [stored[f"{group}{i}"] for i in range(sum(name.startswith(group) for name in stored))]
                for group in _GROUPS
            }
            return Checkpoint(**groups, facts=json.loads(str(stored["facts"])))
    except FileNotFoundError:
        raise ModelError(
            f"There is no interrupted training in '{run}'. Start a new one, or name the folder of one that was stopped."
        ) from None
    except Exception as error:  # NumPy's reader raises whatever the archive's contents lead it to
        raise ModelError(
            f"The checkpoint in '{run}' is damaged, so its training can't go on. Start a new one."
        ) from error


def read_variables(owner: keras.Model | keras.optimizers.Optimizer) -> Arrays:
    """Copies of all variables of a network, its random generators among them, or of an optimiser."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in owner.variables]


def write_variables(owner: keras.Model | keras.optimizers.Optimizer, values: Arrays) -> None:
    """Give a network or an optimiser what `read_variables` gave."""
    for variable, value in zip(owner.variables, values, strict=True):
        variable.assign(value)
