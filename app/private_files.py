"""Files and folders that the hub creates are for its own user alone; what is there already keeps its mode."""

import os
from contextlib import suppress
from pathlib import Path


def make_folder(path: Path) -> None:
    """Create the folder with mode 0700 unless it exists. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def make_file(path: Path) -> None:
    """Create the file, empty, with mode 0600 unless it exists, and its folder. Raises OSError."""
    if path.exists():
        return  # Closing it would drop the locks that SQLite has on it in this process (fcntl(2), record locks).
    make_folder(path.parent)
    with suppress(FileExistsError):  # Another process was first.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))


def is_private(path: Path) -> bool:
    """True unless other users may read or write it. Raises OSError."""
    return not os.stat(path).st_mode & 0o077
