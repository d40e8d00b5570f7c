"""Importing: masks made elsewhere become labels of a project."""

from dataclasses import dataclass
from pathlib import Path

from unet_studio.core.exchange.importing import import_pairs
from unet_studio.core.exchange.kept_masks import keep_masks
from unet_studio.core.exchange.mask_values import ValueTable
from unet_studio.core.exchange.pairs import Pairing, paired
from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.project.store import Project
from unet_studio.protocol.values import NO_PROGRESS, Progress, SlideFailed


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the masks of a folder; fewer than there are where the user asked to stop.

    Attributes:
        imported: the slides whose labels changed.
        unchanged: those whose labels are what they were.
        kept: pixels that were labelled already, of which a mask says something else, and which stayed.
        failed: the slides whose mask was not imported, with the reason.
        pairing: the slides with and without a mask, and the masks without a slide.
    """

    imported: tuple[str, ...]
    unchanged: tuple[str, ...]
    kept: int
    failed: tuple[SlideFailed, ...]
    pairing: Pairing

    @property
    def is_complete(self) -> bool:
        """Whether the user let it come to its end."""
        done = len(self.imported) + len(self.unchanged) + len(self.failed)
        return done == len(self.pairing.pairs) + len(self.pairing.clashes)


def import_masks(
    project: Project,
    masks: Path,
    *,
    foreground: str | None = None,
    table: ValueTable | None = None,
    overwrite: bool = False,
    progress: Progress = NO_PROGRESS,
) -> Imported:
    """Import the mask of every slide that has one in `masks`, as `import_pairs` does.

    A slide whose mask can't be imported is reported and the others go on. Raises `MaskError` at once where no slide has
    a mask, or where it can't be told what the values of the masks mean.
    """
    pairing = paired(project.folder, masks)
    failed = [SlideFailed(slide, sentence) for slide, sentence in pairing.clashes]
    for unclear in failed:
        progress.event(unclear)
    imported: list[str] = []
    unchanged: list[str] = []
    kept = 0
    outcomes = import_pairs(project, pairing.pairs, foreground=foreground, table=table, overwrite=overwrite)
    for number, outcome in enumerate(outcomes, start=1):
        kept += outcome.kept
        if outcome.problem:
            failed.append(SlideFailed(outcome.slide, outcome.problem))
            progress.event(failed[-1])
        else:
            (imported if outcome.changed else unchanged).append(outcome.slide)
        progress.report(number / len(pairing.pairs), outcome.slide)
        if progress.cancelled():
            break
    keep_masks(project, [PlaneId(slide) for slide in imported])
    return Imported(tuple(imported), tuple(unchanged), kept, tuple(failed), pairing)
