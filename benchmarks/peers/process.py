"""Start a peer's process and stop it."""

import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.child import Child
from tests.support.ports import is_open

_START_TIMEOUT_S, _STOP_TIMEOUT_S = 15.0, 15.0


@contextmanager
def peer_process(
    command: Callable[[Path], Sequence[str]], port: int, env: dict[str, str] | None = None
) -> Iterator[int]:
    """Run `command(directory)` in a temporary directory, yield its pid once the port is open, and stop it on exit."""
    with tempfile.TemporaryDirectory(prefix="tidewire-peer-") as name:
        directory = Path(name)
        child = Child(command(directory), directory / "log", cwd=directory, env=env)
        child.start(lambda: is_open(port), within=_START_TIMEOUT_S)
        try:
            yield child.pid
        finally:
            child.end(signal.SIGTERM, within=_STOP_TIMEOUT_S)
