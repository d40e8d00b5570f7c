"""What a view has to show anew: the one value that the session sends out whenever something changed."""

from dataclasses import dataclass

from unet_studio.core.labels.plane import PlaneId
from unet_studio.core.masks.mask_view import MaskView
from unet_studio.core.tiles import Box

NOWHERE = Box(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different since the last one; each view looks at what concerns it.

    `box` is where labels of the open plane changed, `mask` how its mask comes about since then. `slides` are those
    with a plane in another state, where not `all_slides` may be. `recipe` says that clean-up or threshold were set
    back or forth by the history, `reviewed` which planes' kept masks are out of date.
    """

    box: Box = NOWHERE
    mask: MaskView | None = None
    slides: frozenset[str] = frozenset()
    all_slides: bool = False
    recipe: bool = False
    history: bool = False
    classes: bool = False
    models: bool = False
    reviewed: tuple[PlaneId, ...] = ()
    hold_out: bool = False
