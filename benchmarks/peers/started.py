"""A peer's process: started until its port answers, ended by its pid."""

import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.child import Child
from tests.support.ports import is_open

_START_WITHIN, _END_WITHIN = 15.0, 15.0


@contextmanager
def started(command: Callable[[Path], Sequence[str]], port: int, env: dict[str, str] | None = None) -> Iterator[int]:
    """The pid of `command(directory)`, in a directory of its own that goes with it."""
    with tempfile.TemporaryDirectory(prefix="tidewire-peer-") as name:
        directory = Path(name)
        child = Child(command(directory), directory / "log", cwd=directory, env=env)
        child.start(lambda: is_open(port), within=_START_WITHIN)
        try:
            yield child.pid
        finally:
            child.end(signal.SIGTERM, within=_END_WITHIN)
