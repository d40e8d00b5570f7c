"""The hold-out: slides kept out of training, chosen once, on which models are compared."""

from collections.abc import Iterable
from hashlib import sha256

from unet_studio.core.project.store import Project
from unet_studio.core.project.stored_labels import LabelledPlane

_ONE_IN = 5


def keep_slides_out(project: Project) -> None:
    """Extend the hold-out of a project, of what is labelled now; no training learns from these slides any more."""
    audit = project.audit()  # kept apart from the hold-out, too
    labelled = [plane for plane in project.labelled_planes() if plane.plane.slide not in audit]
    project.add_hold_out(extend_hold_out(labelled, project.hold_out()))


def extend_hold_out(labelled: Iterable[LabelledPlane], chosen: frozenset[str]) -> frozenset[str]:
    """Slides to add to the hold-out, so that about one labelled slide in five is in it, and one from two on.

    Whole slides are chosen, never single planes, since neighbouring planes are near copies. A slide that was once
    trained on may join (the comparison is then kinder to the old model); none ever leaves. Fully labelled slides
    come first, since a few strokes judge little; otherwise the order follows from a hash of the slide's path.
    """
    pixels: dict[str, float] = {}
    for plane in labelled:
        share = plane.labelled / (plane.shape[0] * plane.shape[1])
        pixels[plane.plane.slide] = max(share, pixels.get(plane.plane.slide, 0.0))
    if len(pixels) < 2:
        return frozenset()
    wanted = max(1, round(len(pixels) / _ONE_IN))
    free = sorted((s for s in pixels if s not in chosen), key=lambda s: (pixels[s] < 0.5, _order(s)))
    missing = wanted - len(chosen & pixels.keys())
    return frozenset(free[: max(0, missing)])


def _order(slide: str) -> str:
    return sha256(slide.encode()).hexdigest()
