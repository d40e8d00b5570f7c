"""Proposing: from a slide's raw pixels to a stored proposal."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.proposal_writing import write_growing, write_proposal
from unet_studio.core.masks.proposals import part_file, proposal_file
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.slides.opening import SlideReader
from unet_studio.core.tiles import Box, cells_over, tile_box
from unet_studio.unet.weights import load_fast_network
from unet_studio.unet.whole_slides import predictor_of

_WHOLE_AT_ONCE = 2048 * 2048
"""Planes of at most this many pixels take a few seconds; they are proposed without a part first."""
_LARGEST_VIEW = 4096 * 4096
_LARGEST_SHARE = 1 / 4
"""What is in view comes first up to so many pixels, and up to this share of the plane: it is proposed twice."""


class Proposer:
    """A model ready to propose, with or without `flips`; it keeps the compiled network for all slides."""

    def __init__(self, card: ModelCard, *, flips: bool = False) -> None:
        self.card = card
        self._flips = flips
        self._predictor = predictor_of(card, load_fast_network(card), flips=flips)

    def propose(
        self,
        reader: SlideReader,
        plane: PlaneId,
        place: Path,
        *,
        stamp: str,
        progress: Callable[[float], None],
        view: Box | None = None,
        on_part: Callable[[], None] = lambda: None,
    ) -> None:
        """Store the proposal for one plane of an open slide; `progress` may raise to stop, and nothing is left.

        With `view`, a small box on a large plane, the proposal for what is in it is stored first as a part, and that
        grows outwards; `on_part` is called whenever more of it is stored, and it is removed once the whole proposal is.
        The view's tiles are computed twice.
        """
        read = self.card.normalisation.reading(reader, plane.plane)
        shape = (reader.info.height, reader.info.width)
        file = proposal_file(place, self.card.id, plane)
        shown = _first_box(view, shape) if view else None
        if shown is None:
            strips = self._predictor.strips(read, shape, progress=progress)
            write_proposal(file, shape, self._predictor.classes - 1, strips, stamp=stamp, flips=self._flips)
            return
        part = part_file(place, self.card.id, plane)
        # It is computed again with the rest, so the share stays 0; but `progress` may stop it.
        first = shown, self._predictor.region(read, shape, shown, progress=lambda _: progress(0.0))
        pieces = self._predictor.outwards(read, shape, shown, progress=progress)
        try:
            write_growing(file, part, shape, first, pieces, stamp=stamp, flips=self._flips, on_part=on_part)
        finally:
            with suppress(OSError):  # a reader has it open; the file does no harm
                part.unlink(missing_ok=True)


def _first_box(view: Box, shape: tuple[int, int]) -> Box | None:
    """The box that is proposed first, the view grown to whole tiles; None where the whole plane takes hardly longer."""
    plane = Box.of_shape(shape)
    cells = list(cells_over(view.intersect(plane)))
    if not cells or _pixels(plane) <= _WHOLE_AT_ONCE:
        return None
    box = tile_box(cells[0]).union(tile_box(cells[-1])).intersect(plane)
    return box if _pixels(box) <= min(_LARGEST_VIEW, _LARGEST_SHARE * _pixels(plane)) else None


def _pixels(box: Box) -> int:
    return box.height * box.width
