"""hypercorn with a minimal application: the cost of a connection, a request and a message in the server itself.

It is the reference for targets that were set in microseconds on another machine, where these took 200, 230 and 14 µs.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import hub_protocol
from benchmarks.generator.driver import Field
from benchmarks.meter import Meter
from benchmarks.peers.process import peer_process
from benchmarks.server import REQUESTS, WEBSOCKET, PublishMode, Server
from tests.support import ROOT
from tests.support.ports import free_port

NAME = "hypercorn alone"
HOW_TO = "It is installed with the project."
_TOKEN = "tw_" + "x" * 40  # As long as a real one; nothing reads it.


def missing() -> bool:
    """False: hypercorn is a dependency of the hub."""
    return False


@contextmanager
def server() -> Iterator[Server]:
    """Start one worker with the hub's configuration of hypercorn. It would compress, so compression is not offered."""
    port = free_port()

    def command(directory: Path) -> list[str]:
        (directory / "hypercorn.toml").write_text((ROOT / "hypercorn.toml").read_text())
        options = ["--bind", f"127.0.0.1:{port}", "--config", "hypercorn.toml", "--workers", "0"]
        return [sys.executable, "-m", "hypercorn", *options, "benchmarks.peers.minimal_app:app"]

    with peer_process(command, port, {"PYTHONPATH": str(ROOT)}) as pid:
        modes = hub_protocol.publish_modes(_TOKEN)
        yield Server(
            name=NAME,
            port=port,
            meter=Meter(pid),
            watch=_uncompressed(hub_protocol.subscriber(_TOKEN)),
            modes={
                mode: PublishMode(_uncompressed(modes[mode].connect), modes[mode].load)
                for mode in (WEBSOCKET, REQUESTS)
            },
        )


def _uncompressed(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple(field for field in fields if field[0] not in ("deflate", "seqs"))
