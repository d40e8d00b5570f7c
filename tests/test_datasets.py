"""Public data sets: downloaded from a server of our own, checked, resumed; what isn't the published file is refused."""

import hashlib
import io
import json
import re
import socket
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from unet_studio import datasets
from unet_studio.cli.app import app
from unet_studio.core.exchange.pairs import find_pairs
from unet_studio.datasets import DATA_SETS, Archive, DataSet, find_data_set, get_data_set
from unet_studio.errors import Cancelled, StudioError
from unet_studio.protocol.values import Event


class RecordingProgress:
    """Keeps what a download reports, and stops it once this share is done."""

    def __init__(self, stop_at: float = 2.0) -> None:
        self.shares: list[float] = []
        self._stop_at = stop_at

    def report(self, done: float, text: str) -> None:
        self.shares.append(done)

    def event(self, event: Event) -> None:
        raise AssertionError(event)

    def cancelled(self) -> bool:
        return bool(self.shares) and self.shares[-1] >= self._stop_at


@dataclass
class Server:
    """Serves files, and keeps the range that each request asked for; it may break off, or know nothing of ranges."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    break_off_at: int = 0
    ranges: bool = True

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range", "")
        self.asked.append(wanted)
        content = self.files.get(request.path.lstrip("/"))
        if content is None:
            request.send_error(404, "Not Found")
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges else 0
        if start and start >= len(content):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        end = self.break_off_at or len(content)
        request.wfile.write(content[start:end])


@pytest.fixture
def server() -> Iterator[Server]:
    serving = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            serving.answer(self)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        serving.url = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = Thread(target=listening.serve_forever)
        thread.start()
        yield serving
        listening.shutdown()
        thread.join()


def archive_of(*names: str) -> bytes:
    """A ZIP of pictures of noise, of about a megabyte."""
    pixels = np.random.default_rng(0).integers(0, 256, (900, 1200), dtype=np.uint8)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name in names:
            picture = io.BytesIO()
            Image.fromarray(pixels).save(picture, "PNG")
            packed.writestr(name, picture.getvalue())
    return file.getvalue()


@pytest.fixture
def data_set(server: Server) -> DataSet:
    """A data set of two archives, as one for slides and one for masks."""
    contents = {"images.zip": archive_of("images/a.png"), "masks.zip": archive_of("masks/a.png")}
    server.files = dict(contents)
    archives = tuple(
        Archive(f"{server.url}/{name}", f"sha256:{hashlib.sha256(content).hexdigest()}")
        for name, content in contents.items()
    )
    return DataSet("cells", "Cells", archives, "", "1 is a cell", "CC0", "ours")


def left(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_data_set_is_downloaded_unpacked_and_paired(data_set: DataSet, tmp_path: Path) -> None:
    watching = RecordingProgress()
    home = get_data_set(data_set, tmp_path, watching)
    assert home == tmp_path / "cells"
    assert left(tmp_path) == ["cells/images/a.png", "cells/masks/a.png"], "nothing is left of the download"
    assert [(pair.slide, pair.mask.name) for pair in find_pairs(home)] == [("images/a.png", "a.png")]
    assert len(watching.shares) > 4
    assert max(watching.shares) == 1.0
    assert all(0 < done <= 1 for done in watching.shares)


def test_what_is_there_is_not_downloaded_again(data_set: DataSet, server: Server, tmp_path: Path) -> None:
    get_data_set(data_set, tmp_path, RecordingProgress())
    (tmp_path / "cells" / "notes.txt").touch()
    get_data_set(data_set, tmp_path, RecordingProgress())
    assert len(server.asked) == 2
    assert (tmp_path / "cells" / "notes.txt").exists()


def test_a_download_that_broke_off_goes_on_where_it_stopped(data_set: DataSet, server: Server, tmp_path: Path) -> None:
    server.break_off_at = 700_000
    with pytest.raises(StudioError, match=r"connection broke.*it goes on where it stopped"):
        get_data_set(data_set, tmp_path, RecordingProgress())
    assert not (tmp_path / "cells").exists()
    partial = tmp_path / ".cells.part" / "images.zip.part"
    there = partial.stat().st_size
    assert 0 < there <= 700_000
    server.break_off_at = 0
    watching = RecordingProgress()
    get_data_set(data_set, tmp_path, watching)
    assert server.asked == ["", f"bytes={there}-", ""]
    assert watching.shares[0] >= there / len(server.files["images.zip"])
    assert left(tmp_path) == ["cells/images/a.png", "cells/masks/a.png"]


def test_an_archive_that_arrived_whole_is_not_asked_for_again(
    data_set: DataSet, server: Server, tmp_path: Path
) -> None:
    masks = server.files.pop("masks.zip")
    with pytest.raises(StudioError, match=r"The server doesn't give the file: 404 .*masks\.zip"):
        get_data_set(data_set, tmp_path, RecordingProgress())
    server.files["masks.zip"] = masks
    get_data_set(data_set, tmp_path, RecordingProgress())
    assert len(server.asked) == 3


def test_a_stopped_download_goes_on_later(data_set: DataSet, server: Server, tmp_path: Path) -> None:
    with pytest.raises(Cancelled, match="to go on where it stopped"):
        get_data_set(data_set, tmp_path, RecordingProgress(stop_at=0.2))
    get_data_set(data_set, tmp_path, RecordingProgress())
    assert server.asked[1].startswith("bytes=")
    assert left(tmp_path) == ["cells/images/a.png", "cells/masks/a.png"]


def test_a_server_that_knows_no_ranges_sends_it_all_again(data_set: DataSet, server: Server, tmp_path: Path) -> None:
    server.ranges, server.break_off_at = False, 700_000
    with pytest.raises(StudioError, match="connection broke"):
        get_data_set(data_set, tmp_path, RecordingProgress())
    server.break_off_at = 0
    get_data_set(data_set, tmp_path, RecordingProgress())
    assert left(tmp_path) == ["cells/images/a.png", "cells/masks/a.png"]


def test_a_partial_file_that_is_whole_already_is_taken(data_set: DataSet, server: Server, tmp_path: Path) -> None:
    begun = tmp_path / ".cells.part"
    begun.mkdir()
    (begun / "images.zip.part").write_bytes(server.files["images.zip"])
    get_data_set(data_set, tmp_path, RecordingProgress())
    assert left(tmp_path) == ["cells/images/a.png", "cells/masks/a.png"]


@pytest.mark.parametrize("resumed", [False, True])
def test_what_is_not_the_published_file_is_refused_and_deleted(
    data_set: DataSet, server: Server, tmp_path: Path, resumed: bool
) -> None:
    begun, published = tmp_path / ".cells.part", server.files["images.zip"]
    if resumed:  # the beginning is of another file
        begun.mkdir()
        (begun / "images.zip.part").write_bytes(b"x" * 1000)
    else:
        server.files["images.zip"] = archive_of("images/other.png")
    with pytest.raises(StudioError, match=r"isn't the published file: its digest isn't sha256:.* It was deleted\."):
        get_data_set(data_set, tmp_path, RecordingProgress())
    assert left(tmp_path) == []
    server.files["images.zip"] = published  # not made anew: an archive tells when it was made
    get_data_set(data_set, tmp_path, RecordingProgress())
    assert left(tmp_path) == ["cells/images/a.png", "cells/masks/a.png"]


def test_without_a_network_a_sentence_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a.zip"
        nowhere = DataSet("cells", "Cells", (Archive(url, "sha1:" + "0" * 40),), "", "", "", "")
        with pytest.raises(StudioError, match=r"can't be reached, or the connection broke\. Check the network"):
            get_data_set(nowhere, tmp_path, RecordingProgress())
    assert left(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_said(data_set: DataSet, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudioError, match=r"can't be written to '.*file'.*choose another folder with --to"):
        get_data_set(data_set, tmp_path / "file", RecordingProgress())


def test_pooch_stays_quiet(data_set: DataSet, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    get_data_set(data_set, tmp_path, RecordingProgress())
    assert capfd.readouterr() == ("", "")


# The table and the command


def test_every_listed_archive_has_a_digest_and_says_what_its_masks_mean() -> None:
    names = [data_set.name for data_set in DATA_SETS]
    assert len(set(names)) == len(names)
    for data_set in DATA_SETS:
        assert data_set.masks
        assert data_set.licence
        for archive in data_set.archives:
            assert re.fullmatch(r"sha1:[0-9a-f]{40}|sha256:[0-9a-f]{64}", archive.digest)
            assert archive.name.endswith(".zip")


def test_an_unknown_name_leads_to_the_known_ones() -> None:
    with pytest.raises(StudioError, match=r"no data set 'ade20'\. Known are: ade20k, bbbc039, dsb2018"):
        find_data_set("ade20")


def test_the_command_lists_and_gets(data_set: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "DATA_SETS", (data_set,))
    listing = CliRunner().invoke(app, ["datasets"])
    assert listing.exit_code == 0
    assert "cells: Cells" in listing.stdout
    assert "masks: 1 is a cell" in listing.stdout
    content = json.loads(CliRunner().invoke(app, ["datasets", "list", "--json"]).stdout)
    assert content["data_sets"][0]["archives"][0]["url"] == data_set.archives[0].url
    got = CliRunner().invoke(app, ["datasets", "get", "cells", "--to", str(tmp_path), "--json"])
    assert got.exit_code == 0
    assert json.loads(got.stdout)["folder"] == str(tmp_path / "cells")
    assert (tmp_path / "cells" / "images" / "a.png").exists()


def test_the_command_refuses_what_it_cannot_do() -> None:
    assert CliRunner().invoke(app, ["datasets", "get"]).exit_code == 2
    unknown = CliRunner().invoke(app, ["datasets", "get", "ade20"])
    assert unknown.exit_code == 1
    assert "Known are" in unknown.stderr
