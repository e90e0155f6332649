"""The files of Python code that a hub in development runs from, and when each was written."""

import logging
import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

log = logging.getLogger("tidewire.server")

MAX_FILES = 20_000
SETTINGS = Path(".env")
_INSTALLED = ("site-packages", "dist-packages", "node_modules", "__pycache__")

type Snapshot = dict[str, int]  # Each file's time of change, in nanoseconds.


def snapshot() -> Snapshot:
    """Every `.py` file below the working directory and the import path, and `.env`; what is installed is left out."""
    found: Snapshot = {}
    for path in _files():
        if len(found) == MAX_FILES:
            log.warning("Only the first %d files are watched; start the hub in the folder of your code", MAX_FILES)
            break
        with suppress(OSError):  # It is being replaced, and counts as removed until the next look.
            found[path] = os.stat(path).st_mtime_ns
    return found


def difference(before: Snapshot, now: Snapshot) -> str | None:
    """The path of a file that was changed, added or removed; None where nothing was."""
    return next((path for path in (now | before) if before.get(path) != now.get(path)), None)


def _files() -> Iterator[str]:
    yield str(SETTINGS.absolute())
    seen: set[str] = set()
    for root in _roots():
        for folder, folders, files in os.walk(root):
            if folder in seen:
                folders.clear()
                continue
            seen.add(folder)
            # A virtual environment is installed too, whatever its name.
            folders[:] = [each for each in folders if not _is_left_out(folder, each)]
            yield from (os.path.join(folder, name) for name in files if name.endswith(".py") and name[0] != ".")


def _roots() -> list[str]:
    """The working directory, and what else Python imports from that is not installed."""
    own = sysconfig.get_paths()
    installed = [own[name] for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")]
    paths = [os.path.abspath(path) for path in sys.path if os.path.isdir(path or os.curdir)]
    return [
        os.getcwd(),
        *(
            path
            for path in paths
            if not any(f"{path}/".startswith(f"{each}/") for each in installed) and not path.endswith(_INSTALLED)
        ),
    ]


def _is_left_out(folder: str, name: str) -> bool:
    return name[0] == "." or name in _INSTALLED or os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
