"""Files with bytes changed: a sentence or a picture, never another exception, a crash, or much memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MUTATIONS = int(os.environ.get("UNET_STUDIO_MUTATIONS", "40"))
"""Of each kind; 1500 of each make more than 20,000."""
LARGEST_MB = 2048
KINDS = (
    "png", "palette", "jpeg", "bmp", "tiff", "tiled", "ome", "mask-png", "mask-palette", "mask-tiff",
    "proposal", "card", "recipe", "line",
)  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="how much memory a process took is asked for as on Linux")
@pytest.mark.timeout(max(300, MUTATIONS))
@pytest.mark.parametrize("kind", KINDS)
def test_a_mutated_file_is_refused_in_words_or_read(tmp_path: Path, kind: str) -> None:
    program = Path(__file__).with_name("mutated_files.py")
    seed = os.environ.get("UNET_STUDIO_SEED", "0")
    command = [sys.executable, "-P", str(program), kind, str(MUTATIONS), seed, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"the file is in {tmp_path}; {ended.stderr[-3000:]}"
    refused, read, peak = map(int, ended.stdout.split()[-3:])
    assert refused + read == MUTATIONS
    assert refused > 0 and peak < LARGEST_MB
