"""Public data sets that people compare networks on: where they are, what their masks mean, and a download that is
checked.

Only data sets whose archives have a known digest are listed: a download that differs is deleted.
"""

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch
import requests

from unet_studio.errors import Cancelled, StudioError
from unet_studio.protocol.values import Progress

_CHUNK = 1 << 18
_TIMEOUT = 30
"""Seconds without data after which a connection counts as broken."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A ZIP file on the web and its digest, 'sha256:…' or 'sha1:…'."""

    url: str
    digest: str

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[1]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A published data set; `pairs` is the folder in it whose slides and masks `find_pairs` finds."""

    name: str
    title: str
    archives: tuple[Archive, ...]
    pairs: str
    masks: str
    licence: str
    origin: str


DATA_SETS = (
    DataSet(
        "ade20k",
        "Scenes, 150 classes, 22,210 photographs (922 MB)",
        (
            Archive(
                "http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip",
                "sha1:219e1696abb36c8ba3a3afe7fb2f4b4606a897c7",
            ),
        ),
        "ADEChallengeData2016",
        "class numbers 1 to 150; 0 is anything else",
        "for research and education, not for profit",
        "MIT Scene Parsing Benchmark; Zhou et al. 2017, doi 10.1109/CVPR.2017.544",
    ),
    DataSet(
        "bbbc039",
        "Nuclei, fluorescence, 200 fields of a chemical screen",
        (
            Archive(
                "https://data.broadinstitute.org/bbbc/BBBC039/images.zip",
                "sha256:6f30a5d4fe38c928ded972704f085975f8dc0d65d9aa366df00e5a9d449fddd7",
            ),
            Archive(
                "https://data.broadinstitute.org/bbbc/BBBC039/masks.zip",
                "sha256:f9e6043d8ca56344a4886f96a700d804d6ee982f31e2b2cd3194af2a053c2710",
            ),
        ),
        "",
        "colours; every one but black is a nucleus (--foreground nonzero)",
        "CC0",
        "Broad Bioimage Benchmark Collection; Ljosa et al. 2012, doi 10.1038/nmeth.2083",
    ),
    DataSet(
        "dsb2018",
        "Nuclei, fluorescence, 497 fields of the 2018 Data Science Bowl",
        (
            Archive(
                "https://github.com/stardist/stardist/releases/download/0.1.0/dsb2018.zip",
                "sha256:e44921950edce378063aa4457e625581ba35b4c2dbd9a07c19d48900129f386f",
            ),
        ),
        "dsb2018",
        "a number for each nucleus (--foreground nonzero)",
        "CC0",
        "BBBC038v1 as chosen by StarDist; Caicedo et al. 2019, doi 10.1038/s41592-019-0612-7",
    ),
)


def find_data_set(name: str) -> DataSet:
    """The data set of this name; raises StudioError naming those that there are."""
    for data_set in DATA_SETS:
        if data_set.name == name:
            return data_set
    raise StudioError(f"There is no data set '{name}'. Known are: {', '.join(one.name for one in DATA_SETS)}.")


def get_data_set(data_set: DataSet, to: Path, progress: Progress) -> Path:
    """Download, check and unpack a data set into a folder of its name in `to`, and return that folder.

    What was downloaded before an interruption is kept in a hidden folder beside it, and the next call goes on there;
    a data set that is there already stays as it is.

    Raises StudioError where a server can't be reached or doesn't have the file, the file isn't the published one (it is
    deleted then), or it can't be written; Cancelled where the user asked to stop.
    """
    home, begun = to / data_set.name, to / f".{data_set.name}.part"
    if home.exists():
        return home
    try:
        unpacked = begun / "unpacked"
        shutil.rmtree(unpacked, ignore_errors=True)
        for archive in data_set.archives:
            _download(archive, begun, progress)
        progress.report(1.0, "unpacking")
        for archive in data_set.archives:
            with zipfile.ZipFile(begun / archive.name) as file:
                file.extractall(unpacked)
        unpacked.rename(home)
        shutil.rmtree(begun)
    except OSError as error:
        raise StudioError(
            f"The data set can't be written to '{to}': {error.strerror or error}. Free some space or choose another "
            "folder with --to, then run the same command again."
        ) from error
    return home


def _download(archive: Archive, folder: Path, progress: Progress) -> None:
    """Download the archive into `folder` and check its digest."""
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(
            archive.url,
            archive.digest,
            archive.name,
            folder,
            downloader=_ResumingDownloader(folder, archive.name, progress),
        )
    except requests.HTTPError as error:
        raise StudioError(f"The server doesn't give the file: {error}. Try again later; it may have moved.") from error
    except requests.RequestException as error:
        raise StudioError(
            f"'{archive.url}' can't be reached, or the connection broke. Check the network, then run the same command "
            "again; it goes on where it stopped."
        ) from error
    except ValueError as error:
        raise StudioError(
            f"What came from '{archive.url}' isn't the published file: its digest isn't {archive.digest}. It was "
            "deleted. Run the same command again; if that fails too, the publisher has changed the file."
        ) from error


class _ResumingDownloader:
    """A downloader for pooch that resumes: a partial file outlasts interruptions and is renamed once complete."""

    def __init__(self, folder: Path, name: str, progress: Progress) -> None:
        self._partial = folder / f"{name}.part"
        self._name = name
        self._progress = progress

    def __call__(self, url: str, output_file: str, pooch_: Any) -> None:
        there = self._partial.stat().st_size if self._partial.exists() else 0
        # Compressed on the way, neither the length nor the place to go on at would be the file's.
        wanted = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
        with requests.get(url, headers=wanted, stream=True, timeout=_TIMEOUT) as answer:
            # There may be nothing after what is there already; pooch will say whether it is the file.
            if answer.status_code != requests.codes.range_not_satisfiable:
                answer.raise_for_status()
                self._write(answer, there if answer.status_code == requests.codes.partial_content else 0)
        self._partial.replace(output_file)

    def _write(self, answer: requests.Response, there: int) -> None:
        """Write the body after the first `there` bytes of the partial file."""
        whole = there + int(answer.headers.get("Content-Length", 0))
        with self._partial.open("ab" if there else "wb") as file:
            for chunk in answer.iter_content(_CHUNK):
                if self._progress.cancelled():
                    raise Cancelled("The download was stopped. Run the same command again to go on where it stopped.")
                file.write(chunk)
                there += len(chunk)
                self._progress.report(there / whole if whole else 0.0, f"{self._name}, {there >> 20} MB")
