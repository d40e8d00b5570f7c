"""How long the window takes to start: from the start of the process until its first frame is painted.

    uv run python tests/benchmarks/start.py [--json] [--times N]

Every start is a process of its own, by the program's own entry point without a folder and with settings of its
own, on the screen that DISPLAY names or else on a virtual one (Xvfb). In turn with it a bare PySide6 window with a
label is started, since Python and Qt take their time before the program has any say; the ratio to it compares across
machines. The files are read once before, so that neither is measured with a cold disk.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from canvas import on_screen

MOST_SECONDS = 1.0
_UNTIL_PAINTED = """
import os, time
from PySide6.QtCore import QEvent, QObject

class Painted(QObject):
    is_so = False
    def eventFilter(self, watched, event):
        self.is_so = self.is_so or event.type() == QEvent.Type.Paint
        return False

def run(app, window):
    painted = Painted()
    window.installEventFilter(painted)
    window.update()
    while not painted.is_so:
        app.processEvents()
    print("painted", time.monotonic(), flush=True)
    os._exit(0)
"""
_BARE = (
    _UNTIL_PAINTED
    + """
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow
app = QApplication([])
window = QMainWindow()
window.setCentralWidget(QLabel("A window."))
window.resize(1280, 800)
window.show()
run(app, window)
"""
)
_PROGRAM = (
    _UNTIL_PAINTED
    + """
import sys
from PySide6.QtWidgets import QApplication, QMainWindow
QApplication.exec = lambda *_: run(
    QApplication.instance(), next(w for w in QApplication.topLevelWidgets() if isinstance(w, QMainWindow))
)
sys.argv = ["unet-studio"]
from unet_studio.__main__ import main
main()
"""
)


def seconds_to_picture(program: str, settings: str) -> float:
    """Start a Python program in a process of its own; seconds until it says that its window is painted."""
    environment = os.environ | {"QT_QPA_PLATFORM": "xcb", "XDG_CONFIG_HOME": settings}
    start = time.monotonic()
    run = subprocess.run([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    told = [line.split()[1] for line in run.stdout.splitlines() if line.startswith("painted")]
    if not told:
        raise SystemExit(f"The window did not come up; the process ended with code {run.returncode}.")
    return float(told[0]) - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--times", type=int, default=7, help="starts of each, after one that isn't counted")
    options = parser.parse_args()
    program, bare = [], []
    with tempfile.TemporaryDirectory() as settings, on_screen():
        for _ in range(1 + options.times):
            bare.append(seconds_to_picture(_BARE, settings))
            program.append(seconds_to_picture(_PROGRAM, settings))
    median, least = statistics.median(program[1:]), statistics.median(bare[1:])
    found = {"start_s": round(median, 3), "bare_window_s": round(least, 3), "ratio": round(median / least, 2)}
    if options.json:
        print(json.dumps(found | {"most_s": MOST_SECONDS, "starts_s": [round(each, 3) for each in program[1:]]}))
        return
    print(f"{'what':44} {'measured':>10} {'must be':>10}")
    verdict = "" if median <= MOST_SECONDS else "MISSED"
    print(f"{'start to the first frame of the window':44} {median:10.2f} {MOST_SECONDS:10g} s {verdict}".rstrip())
    print(f"{'start to the first frame of a bare window':44} {least:10.2f} {'':10} s")
    print(f"{'ratio':44} {median / least:10.2f}")


if __name__ == "__main__":
    main()
