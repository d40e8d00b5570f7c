"""Heat is clear where nothing is to be seen, and grows evenly lighter and more opaque."""

import numpy as np

from unet_studio.core.figures.heat import heat_colours


def over(colours: np.ndarray, ground: float) -> np.ndarray:
    """The relative luminance of premultiplied colours over a grey ground, 0…1."""
    blue, green, red, alpha = (colours[..., i] / 255 for i in range(4))
    mixed = [part + (1 - alpha) * ground for part in (red, green, blue)]
    linear = [np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4) for part in mixed]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_next_to_nothing_is_clear() -> None:
    colours = heat_colours(np.arange(256, dtype=np.uint8)[None])
    assert colours.shape == (1, 256, 4)
    assert not colours[0, :10].any()
    assert (np.diff(colours[0, 11:, 3].astype(int)) >= 0).all()


def test_colours_are_premultiplied() -> None:
    colours = heat_colours(np.arange(256, dtype=np.uint8))
    assert (colours[:, :3] <= colours[:, 3:]).all()


def test_on_dark_ground_more_is_lighter_also_without_colour() -> None:
    light = over(heat_colours(np.arange(16, 256, dtype=np.uint8)), 0.0)
    assert (np.diff(light) > -1e-4).all()
    assert light[-1] > 0.5 > 0.05 > light[0]


def test_on_light_ground_the_middle_is_darker_than_the_ground_and_the_top_is_another_colour() -> None:
    colours = heat_colours(np.array([128, 255], np.uint8))
    assert over(colours[:1], 1.0) < 0.45
    assert colours[1, 0] < 60 < 200 < colours[1, 2], "yellow, without the blue of a white ground"
