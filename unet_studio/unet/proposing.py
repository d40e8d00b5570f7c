"""Proposing: from a slide's raw pixels to a stored proposal."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.labels import PlaneId
from unet_studio.core.models import ModelCard
from unet_studio.core.proposals import proposal_file, write_proposal
from unet_studio.core.reading import SlideReader
from unet_studio.core.tiles import Box
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.weights import architecture_of, load_network


class Proposer:
    """A model ready to propose; it keeps the compiled network for all slides."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self._predictor = Predictor(load_network(card), multiple=1 << architecture_of(card).depth)

    def propose(
        self, reader: SlideReader, plane: PlaneId, place: Path, *, stamp: str, progress: Callable[[float], None]
    ) -> None:
        """Store the proposal for one plane of an open slide; `progress` may raise to stop, and nothing is left."""
        normalisation = self.card.normalisation
        measured = normalisation.measure(reader, plane.plane)

        def read(box: Box) -> NDArray[np.float32]:
            return normalisation.apply(reader.read(plane.plane, box), measured)

        shape = (reader.info.height, reader.info.width)
        strips = self._predictor.strips(read, shape, progress=progress)
        file = proposal_file(place, self.card.id, plane)
        write_proposal(file, shape, self._predictor.classes - 1, strips, stamp=stamp)
