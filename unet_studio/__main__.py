"""The entry point: a folder, or nothing, opens the window; a command runs without one."""

import sys
from io import TextIOWrapper
from pathlib import Path

COMMANDS = (
    "propose",
    "clean",
    "advise",
    "retrain",
    "models",
    "import",
    "export",
    "evaluate",
    "audit",
    "hold-out",
    "repeat",
    "report",
    "bundle",
    "simulate",
    "datasets",
    "doctor",
    "demo",
)


def main() -> None:
    """Entry point of `unet-studio`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what the output's encoding lacks must not end finished work
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:]
    if arguments and (arguments[0] in COMMANDS or arguments[0].startswith("-")):
        from unet_studio.cli.app import app

        app()
    else:
        from unet_studio.app import open_window

        sys.exit(open_window(Path(arguments[0]) if arguments else None))


if __name__ == "__main__":
    main()
