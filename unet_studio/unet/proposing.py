"""Proposing: from a slide's raw pixels to a stored proposal."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.labels import PlaneId
from unet_studio.core.models import ModelCard
from unet_studio.core.proposals import part_file, proposal_file, write_part, write_proposal
from unet_studio.core.reading import SlideReader
from unet_studio.core.tiles import Box
from unet_studio.unet.prediction import Predictor
from unet_studio.unet.weights import architecture_of, load_fast_network

_WHOLE_AT_ONCE = 2048 * 2048
"""Planes of at most this many pixels are there in a few seconds; no part of them comes first."""


class Proposer:
    """A model ready to propose; it keeps the compiled network for all slides."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self._predictor = Predictor(load_fast_network(card), architecture_of(card), temperature=card.temperature)

    def propose(
        self,
        reader: SlideReader,
        plane: PlaneId,
        place: Path,
        *,
        stamp: str,
        progress: Callable[[float], None],
        view: Box | None = None,
        in_view: Callable[[], None] = lambda: None,
    ) -> None:
        """Store the proposal for one plane of an open slide; `progress` may raise to stop, and nothing is left.

        With `view`, a box on a large plane, the proposal for what is in it is stored first as a part, and `in_view` is
        called; the part goes when all is there. It costs the time of its tiles again.
        """
        normalisation = self.card.normalisation
        measured = normalisation.measure(reader, plane.plane)

        def read(box: Box) -> NDArray[np.float32]:
            return normalisation.apply(reader.read(plane.plane, box), measured)

        shape = (reader.info.height, reader.info.width)
        part = part_file(place, self.card.id, plane)
        try:
            shown = view.intersect(Box.of_shape(shape)) if view else None
            if shown and not shown.is_empty and shape[0] * shape[1] > _WHOLE_AT_ONCE:
                write_part(part, shape, shown, self._predictor.region(read, shape, shown), stamp=stamp)
                in_view()
            strips = self._predictor.strips(read, shape, progress=progress)
            file = proposal_file(place, self.card.id, plane)
            write_proposal(file, shape, self._predictor.classes - 1, strips, stamp=stamp)
        finally:
            with suppress(OSError):  # somebody looks at it just now; it does no harm
                part.unlink(missing_ok=True)
