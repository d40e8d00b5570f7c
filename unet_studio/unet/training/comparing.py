"""Comparing two models, the one before and a new one, on the same pixels: of held-out, labelled and other slides."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unet_studio.core.classes import UNLABELLED
from unet_studio.core.cleaning.steps import Step
from unet_studio.core.labels.plane import LabelPlane, PlaneId, PlaneState
from unet_studio.core.masks.kept import find_kept
from unet_studio.core.masks.mask_view import MaskView, cleaned_mask
from unet_studio.core.models.cards import ModelCard
from unet_studio.core.models.normalisation import Normalisation
from unet_studio.core.project.store import Project
from unet_studio.core.scoring.next_plane import evenly_spaced
from unet_studio.core.scoring.scores import count
from unet_studio.core.slides.finding import find_slides, slide_file
from unet_studio.core.slides.opening import open_slide
from unet_studio.core.tiles import Box, Cell, cells_over, tile_box
from unet_studio.errors import StudioError
from unet_studio.protocol.values import ComparedTile, Comparison, Confusion, Corrections
from unet_studio.unet.prediction import TILE, Predictor
from unet_studio.unet.tiling import Read
from unet_studio.unet.training.patches import LabelledSlide
from unet_studio.unet.training.snapshot import Snapshot

_JUDGED, _LEARNED, _ELSEWHERE = 64, 24, 12
"""Tiles of 512 × 512 that both models propose: of held-out slides, of those learned from, of those nobody labelled."""


@dataclass(frozen=True, slots=True)
class Rival:
    """The model that a new one is compared with, such as the one that would go on proposing without it."""

    card: ModelCard
    predictor: Predictor


@dataclass(frozen=True, slots=True)
class _Part:
    """A tile of a plane: its labels (h, w), and the class indices that each of the two models proposes there."""

    plane: PlaneId
    box: Box
    labels: NDArray[np.uint8]
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]


_Tile = tuple[LabelledSlide, Cell]
"""A tile of 512 × 512 of a plane."""

Proposed = Callable[[PlaneId, Box], NDArray[np.uint8] | None]
"""The class indices (h, w) of a box that a model had proposed to the person who labelled the plane; None: nothing."""


class Comparer:
    """Has both models propose the same tiles, after the clean-up `steps`, and counts what they say.

    With `briefly` it takes a quarter of the tiles: the user waits for the end. `progress` is told the share that is
    done before each tile, 0…1, and may raise to stop.
    """

    def __init__(
        self,
        rival: Rival,
        new: Predictor,
        steps: Sequence[Step] = (),
        *,
        briefly: bool = False,
        progress: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._rival = rival
        self._new = new
        self._steps = steps
        self._share = 4 if briefly else 1
        self._progress = progress
        self._done = self._wanted = 0  # tiles
        self._reads: dict[PlaneId, Read] = {}  # the rival's, by plane

    def compare(
        self,
        snapshot: Snapshot,
        *,
        held_out: Sequence[LabelledSlide],
        training: Sequence[LabelledSlide],
        others: Sequence[LabelledSlide],
        unlabelled_slides: int,
        proposed: Proposed,
    ) -> Comparison:
        """Compare on these planes of a snapshot; `others` are a sample of the slides that nobody labelled."""
        reviewed = {plane.plane for plane, _ in snapshot.planes if plane.state is PlaneState.REVIEWED}
        whole = {plane.plane for plane, _ in snapshot.planes if plane.is_whole}
        bulk = [slide for slide in held_out if slide.plane in snapshot.in_bulk]
        one_by_one = [slide for slide in held_out if slide.plane not in snapshot.in_bulk]
        chosen = [
            self._choose([slide for slide in one_by_one if slide.plane in whole], _JUDGED),
            self._choose([slide for slide in one_by_one if slide.plane not in whole], _LEARNED),
            self._choose([slide for slide in training if slide.plane in whole], _LEARNED),
            self._choose([slide for slide in training if slide.plane not in whole], _LEARNED),
            self._choose(bulk, _LEARNED),
            self._choose_anywhere(others),
        ]
        self._done, self._wanted = 0, sum(map(len, chosen))
        judged, unseen, learned_whole, strokes = ([*self._parts(tiles)] for tiles in chosen[:4])
        return Comparison(
            rival=self._rival.card.id,
            judged=tuple(self._tiles(judged)),
            proposed=sum(_as_proposed(part, proposed) for part in judged if part.plane in reviewed),
            in_bulk=tuple(self._tiles(self._parts(chosen[4]))),
            unseen_strokes=_corrections(unseen),
            learned_strokes=_corrections(strokes),
            learned_whole=_corrections(learned_whole),
            learned=tuple(self._tiles(learned_whole)),
            elsewhere=self._pooled((part.before, part.after) for part in self._parts(chosen[5])),
            unlabelled=self._pooled(_unlabelled(part) for part in (*unseen, *strokes, *learned_whole)),
            elsewhere_slides=len({slide.plane.slide for slide in others}),
            unlabelled_slides=unlabelled_slides,
        )

    def _choose(self, slides: Sequence[LabelledSlide], most: int) -> Sequence[_Tile]:
        """At most so many tiles with labels, evenly spread over the planes."""
        tiles = [(slide, cell) for slide in slides for cell in sorted({(y // 2, x // 2) for y, x in slide.cells})]
        return evenly_spaced(tiles, max(1, most // self._share))

    def _choose_anywhere(self, slides: Sequence[LabelledSlide]) -> Sequence[_Tile]:
        """A tile of each plane, from its middle."""
        some = slides[: max(1, _ELSEWHERE // self._share)]
        return [(slide, (slide.shape[0] // 2 // TILE, slide.shape[1] // 2 // TILE)) for slide in some]

    def _parts(self, tiles: Iterable[_Tile]) -> Iterator[_Part]:
        for slide, cell in tiles:
            self._progress(self._done / self._wanted)
            self._done += 1
            yield self._part(slide, cell)

    def _part(self, slide: LabelledSlide, cell: Cell) -> _Part:
        box = tile_box(cell, TILE).intersect(Box.of_shape(slide.shape))
        before = self._rival.predictor.region(self._rival_read(slide), slide.shape, box)
        after = self._new.region(slide.read, slide.shape, box)
        masks = (cleaned_mask(probabilities, 0.5, self._steps) for probabilities in (before, after))
        return _Part(slide.plane, box, slide.labels.read(box), *masks)

    def _rival_read(self, slide: LabelledSlide) -> Read:
        """The plane as the rival sees it."""
        normalisation = self._rival.card.normalisation
        if normalisation == slide.normalisation:
            return slide.read
        if slide.plane not in self._reads:
            self._reads[slide.plane] = normalisation.reading(slide.reader, slide.plane.plane)
        return self._reads[slide.plane]

    def _tiles(self, parts: Iterable[_Part]) -> Iterator[ComparedTile]:
        """The tiles of 256 × 256 of these parts that have labels."""
        for part in parts:
            for cell in cells_over(part.box):
                inside = tile_box(cell).intersect(part.box).within(part.box)
                labels = part.labels[inside]
                if (labels != UNLABELLED).any():
                    confusions = [self._pooled([(labels, mask[inside])]) for mask in (part.before, part.after)]
                    yield ComparedTile(part.plane.slide, *confusions)

    def _pooled(self, pairs: Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> Confusion:
        """The confusion of pairs of a truth, 255 where it says nothing, and a mask."""
        classes = self._new.classes
        total = np.zeros((classes, classes), np.int64)
        for truth, mask in pairs:
            total += count(truth, mask, classes).confusion
        return tuple(tuple(int(pixels) for pixels in row) for row in total)


def proposed_in(project: Project) -> Proposed:
    """What models had proposed to the person who labelled a plane of the project, after its clean-up."""
    threshold, steps = project.threshold, project.steps()

    def mask(plane: PlaneId, box: Box) -> NDArray[np.uint8] | None:
        kept = find_kept(project, plane)
        return MaskView(LabelPlane(kept.shape), kept, threshold, steps).cleaned(box) if kept is not None else None

    return mask


def open_unlabelled_sample(
    snapshot: Snapshot, folder: Path, normalisation: Normalisation, stack: ExitStack, *, replayed: Container[str] = ()
) -> tuple[list[LabelledSlide], int]:
    """A plane of up to 12 slides that nobody labelled, open until `stack` ends, and how many such slides there are.

    Held-out slides come first, since nothing of them was learned, and those that a training was reminded of last. The
    order is otherwise that of a hash, so that it doesn't change as the folder grows. Slides that can't be read, or have
    other channels, are passed over.
    """
    taken = {plane.plane.slide for plane, _ in snapshot.planes} | snapshot.audit
    names = [slide for slide in find_slides(folder) if slide not in taken]

    def order(slide: str) -> tuple[bool, bool, str]:
        return slide in replayed, slide not in snapshot.hold_out, sha256(slide.encode()).hexdigest()

    found: list[LabelledSlide] = []
    for name in sorted(names, key=order):
        if len(found) == _ELSEWHERE:
            break
        try:
            reader = stack.enter_context(open_slide(slide_file(folder, name)))
            plane = PlaneId(name, reader.info.planes // 2)
            measured = normalisation.measure(reader, plane.plane)
        except StudioError:
            continue
        labels = LabelPlane((reader.info.height, reader.info.width))
        found.append(LabelledSlide(plane, reader, labels, normalisation, measured, []))
    return found, len(names)


def _corrections(parts: Iterable[_Part]) -> Corrections:
    labelled = wrong = mended = spoiled = 0
    for part in parts:
        is_labelled = part.labels != UNLABELLED
        was_wrong, is_wrong = ((mask != part.labels) & is_labelled for mask in (part.before, part.after))
        labelled += int(is_labelled.sum())
        wrong += int(was_wrong.sum())
        mended += int((was_wrong & ~is_wrong).sum())
        spoiled += int((is_wrong & ~was_wrong).sum())
    return Corrections(labelled, wrong, mended, spoiled)


def _unlabelled(part: _Part) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """What both say where nobody labelled: the rival's classes, 255 elsewhere, and the new model's."""
    return np.where(part.labels == UNLABELLED, part.before, np.uint8(UNLABELLED)), part.after


def _as_proposed(part: _Part, proposed: Proposed) -> int:
    """The labelled pixels that are as a model had proposed them."""
    mask = proposed(part.plane, part.box)
    return 0 if mask is None else int(np.count_nonzero((part.labels == mask) & (part.labels != UNLABELLED)))
