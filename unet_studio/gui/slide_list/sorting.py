"""In which order slides are listed, and the figures of their proposals in words."""

from enum import StrEnum

from PySide6.QtCore import QCoreApplication

from unet_studio.core.scoring.plane_figures import PlaneFigures


class SlideSort(StrEnum):
    """By what slides are listed; those of which it isn't known come last, in the order of the folder."""

    FOLDER = "folder"
    UNCERTAIN = "uncertain"
    CHANGED = "changed"
    DISAGREEING = "disagreeing"


def sort_key(sort: SlideSort, figures: PlaneFigures | None) -> float:
    """What comes first has the smallest."""
    if figures is None or sort is SlideSort.FOLDER:
        return 0.0 if sort is SlideSort.FOLDER else 2.0
    value = {
        SlideSort.UNCERTAIN: figures.uncertainty,
        SlideSort.CHANGED: figures.change,
        SlideSort.DISAGREEING: None if figures.agreement is None else 1 - figures.agreement,
    }[sort]
    return 2.0 if value is None else 1 - value


def as_numbers(figures: PlaneFigures) -> dict[SlideSort, str]:
    """What is known of a slide, each by the order that goes by it."""
    numbers = {
        SlideSort.UNCERTAIN: ("{0:.3f}", figures.uncertainty),
        SlideSort.CHANGED: ("{0:.1%}", figures.change),
        SlideSort.DISAGREEING: ("{0:.3f}", figures.agreement),
    }
    return {sort: text.format(value) for sort, (text, value) in numbers.items() if value is not None}


def in_words(figures: PlaneFigures) -> list[str]:
    """The same, each with what it is."""
    words = {
        SlideSort.UNCERTAIN: _tr("uncertainty {0}"),
        SlideSort.CHANGED: _tr("{0} changed since the model before"),
        SlideSort.DISAGREEING: _tr("agreement with your labels {0}"),
    }
    return [words[sort].format(number) for sort, number in as_numbers(figures).items()]


def _tr(text: str) -> str:
    return QCoreApplication.translate("SlideSort", text)
