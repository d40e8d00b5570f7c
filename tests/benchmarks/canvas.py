"""How fast the canvas is, in a real window: the table of the README's "Performance".

    uv run python tests/benchmarks/canvas.py [--json] [--quick] [--only brush] [--only view]

Every group of rows runs in a process of its own, on the screen that DISPLAY names or else on a virtual one (Xvfb), in a
window of 1600 × 1000 whose network is a stand-in. Mouse and keys are sent to the canvas at most 240 times a second. A
*frame* lasts from sending an event until the repaint that it caused is handed to the screen; "to the picture" lasts
until the pixels of the screen show it. A *stall* is how late a timer of 5 ms comes.

Ratios to the fixed work, a NumPy copy of 64 MiB in the same process, compare across machines; milliseconds don't.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from loop import median_ms

NAMES = (
    *("brush-1024", "brush-4096", "brush-16384", "wide-brush", "undo", "view", "next", "memory", "huge", "regions"),
    "folder",
)


def measure(group: str, *, quick: bool) -> dict[str, object]:
    """Run a group here, in this process."""
    from canvas_rows import GROUPS, Effort

    source = np.ones(64 << 20, np.uint8)
    copy = median_ms(source.copy)
    del source
    with tempfile.TemporaryDirectory() as folder:
        figures = GROUPS[group](Path(folder), Effort.of(quick=quick))
    rows = [
        {"what": f.what, "value": round(f.value, 2), "unit": f.unit, "most": f.most}
        | ({"ratio": round(f.value / copy, 3)} if f.unit == "ms" else {})
        for f in figures
    ]
    return {"copy_ms": round(copy, 2), "figures": rows}


def measure_in_new_process(group: str, *, quick: bool) -> dict[str, object]:
    """Run a group in a process of its own."""
    command = [sys.executable, __file__, "--here", group, *(["--quick"] if quick else [])]
    environment = os.environ | {"QT_QPA_PLATFORM": "xcb"}
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if answer.returncode:
        raise SystemExit(f"The group '{group}' ended with code {answer.returncode}.")
    found: dict[str, object] = json.loads(answer.stdout.splitlines()[-1])
    return found


def growth(figures: list[dict[str, object]]) -> list[dict[str, object]]:
    """How the brush on the largest slide compares with the one on the smallest."""
    by_name = {str(figure["what"]): float(str(figure["value"])) for figure in figures}
    rows = []
    for zoom in ("fit", "2×"):
        small, large = (by_name.get(f"brush 40 px, {side}², {zoom}, p95") for side in (1024, 16384))
        if small and large:
            what = f"brush 40 px, {zoom}: 16384² ÷ 1024²"
            rows.append({"what": what, "value": round(large / small, 2), "unit": "×", "most": 1.3})
    return rows


@contextmanager
def on_screen() -> Iterator[None]:
    """The screen there is, or a virtual one."""
    if os.environ.get("DISPLAY"):
        yield
        return
    if shutil.which("Xvfb") is None:
        raise SystemExit("There is no screen. Set DISPLAY, or install Xvfb (on Debian: sudo apt-get install xvfb).")
    read, write = os.pipe()
    screen = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(screen, pass_fds=(write,), stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as answer:
            os.environ["DISPLAY"] = f":{answer.readline().strip()}"
        try:
            yield
        finally:
            del os.environ["DISPLAY"]
            server.terminate()


def show_table(copies: list[float], figures: list[dict[str, object]]) -> None:
    print(f"fixed work: copy of 64 MiB {min(copies):.1f} to {max(copies):.1f} ms\n")
    print(f"{'what':58} {'measured':>10} {'must be':>10}      {'× copy':>7}")
    for figure in figures:
        value, most = float(str(figure["value"])), float(str(figure["most"]))
        ratio = figure.get("ratio", "")
        verdict = "" if value <= most else "MISSED"
        print(f"{figure['what']:58} {value:10.1f} {most:10g} {figure['unit']:4} {ratio:>7} {verdict}".rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="a quarter of the work; noisier figures")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help=f"groups whose name starts so: {', '.join(NAMES)}"
    )
    parser.add_argument("--here", choices=NAMES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measure(options.here, quick=options.quick)))
        return
    chosen = [name for name in NAMES if not options.only or name.startswith(tuple(options.only))]
    if not chosen:
        parser.error(f"no group starts like that; there are {', '.join(NAMES)}")
    with on_screen():
        answers = [measure_in_new_process(name, quick=options.quick) for name in chosen]
    figures = [figure for answer in answers for figure in answer["figures"]]
    figures += growth(figures)
    copies = [answer["copy_ms"] for answer in answers]
    if options.json:
        print(json.dumps({"copy_ms": copies, "figures": figures}))
    else:
        show_table(copies, figures)


if __name__ == "__main__":
    main()
