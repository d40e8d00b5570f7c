"""Fill resources/demo with slides of an animal that the starter model never saw.

uv run python training/make_demo.py --data ../shared/data
"""

import argparse
import shutil
from pathlib import Path

import cv2
import numpy as np
from make_starters import ROOT, STARTERS
from numpy.typing import NDArray

from unet_studio.core.exchange.mask_reading import read_mask
from unet_studio.core.exchange.mask_values import to_classes
from unet_studio.core.exchange.mask_writing import write_mask
from unet_studio.core.files import write_atomically

NAME = "axon-myelin"
SLIDE = "sub-rat4_sample-data12_SEM.png"
GRID = 3  # the published slide is large: it is cut into 3 × 3 fields
ORDER = (0, 2, 4, 7, 1, 3, 5, 6, 8)  # the first four, which the headless demo corrects, lie spread over the slide
WITHOUT_MASK = 9
MOST_BYTES = 4_000_000
README = """# Demo slides

A rat's nerve under a scanning electron microscope: nine fields of one published slide, cut without overlap, of an
animal on which the starter model `axon-myelin` was not trained, and the true masks of eight of them (PNG, 0 background,
1 myelin, 2 axon).

From https://github.com/axondeepseg/data_axondeepseg_sem, `sub-rat4/micr/sub-rat4_sample-data12_SEM.png`, MIT licence,
© 2020 ivadomed:

> Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
> documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
> rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to
> permit persons to whom the Software is furnished to do so, subject to the following conditions: The above copyright
> notice and this permission notice shall be included in all copies or substantial portions of the Software. THE
> SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED.

`training/make_demo.py` makes this folder.
"""


def make(data: Path, home: Path) -> None:
    starter = STARTERS[NAME]
    source = data / starter.folder
    pixels = cv2.imread(str(source / "images" / SLIDE), cv2.IMREAD_UNCHANGED)
    truth = to_classes(read_mask(source / starter.masks / SLIDE), classes=len(starter.classes) + 1, foreground=None)
    shutil.rmtree(home, ignore_errors=True)
    for number, (field, mask) in enumerate(zip(cut(pixels), cut(truth), strict=True), start=1):
        name = f"nerve-{number}.png"
        write_atomically(home / "slides" / name, cv2.imencode(".png", field)[1].tobytes())
        if number != WITHOUT_MASK:
            write_mask(home / "masks" / name, mask)
    (home / "README.md").write_text(README, encoding="utf-8")


def cut(plane: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The fields of a plane, in `ORDER`."""
    fields = [field for row in np.array_split(plane, GRID) for field in np.array_split(row, GRID, axis=1)]
    return [fields[number] for number in ORDER]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    options = parser.parse_args()
    home = ROOT / "resources" / "demo"
    make(options.data, home)
    size = sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
    if size > MOST_BYTES:
        raise SystemExit(f"The demo takes {size} bytes, and {MOST_BYTES} is the most.")
    print(f"{home}: {size} bytes")


if __name__ == "__main__":
    main()
