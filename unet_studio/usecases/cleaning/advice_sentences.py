"""What clean-up advice says to a person, in the window and on the terminal."""

from unet_studio.core.cleaning.steps import format_steps
from unet_studio.core.labels.edits import MaskRecipe
from unet_studio.core.wording import counted
from unet_studio.usecases.cleaning.advise import Advice
from unet_studio.usecases.cleaning.recipe_search import Quality


def recipe_text(recipe: MaskRecipe) -> str:
    """Threshold and steps in a line."""
    return f"threshold {recipe.threshold:g}, {format_steps(recipe.steps).replace(',', ', ') or 'no steps'}"


def objects_text(quality: Quality) -> str:
    """Objects right of those labelled, and how many were found beyond these."""
    objects = quality.objects
    return f"{objects.right} of {objects.labelled}, {objects.found - objects.right} false"


def headline(advice: Advice) -> str:
    """Whether there is something better, and on what that was judged."""
    basis = f"{counted(advice.planes, 'reviewed plane')} of {advice.slides} slides"
    if not advice.is_better:
        return f"Nothing better was found: {advice.tried} recipes were tried on {basis}. The clean-up stays as it is."
    before, after = advice.before, advice.left_out
    return (
        f"On slides that it wasn't chosen on, this recipe would have made a Dice of {after.dice:.3f} instead of "
        f"{before.dice:.3f}, and {after.objects.right} instead of {before.objects.right} of "
        f"{before.objects.labelled} objects right ({advice.tried} recipes were tried on {basis})."
    )
