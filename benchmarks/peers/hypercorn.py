"""hypercorn without us: what an accepted connection, a request and a message cost before an application does anything.

It is the measure for limits that were set in microseconds on another machine, where it took 200, 230 and 14 of them.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import hub as spoken
from benchmarks.contestant import REQUESTS, WEBSOCKET, Contestant, Way
from benchmarks.generator.driver import Field
from benchmarks.meter import Meter
from benchmarks.peers.started import started
from tests.support.ports import free_port
from tests.support.process import ROOT

NAME = "hypercorn alone"
HOW_TO = "It comes with the project."
_TOKEN = "tw_" + "x" * 40  # As long as ours, and looked at by nobody.


def missing() -> bool:
    """Never."""
    return False


@contextmanager
def server() -> Iterator[Contestant]:
    """One worker, with the values that the hub gives it too. It would accept compression, so it is offered none."""
    port = free_port()

    def command(directory: Path) -> list[str]:
        (directory / "hypercorn.toml").write_text((ROOT / "hypercorn.toml").read_text())
        bound = ["--bind", f"127.0.0.1:{port}", "--config", "hypercorn.toml", "--workers", "0"]
        return [sys.executable, "-m", "hypercorn", *bound, "benchmarks.peers.alone:app"]

    with started(command, port, {"PYTHONPATH": str(ROOT)}) as pid:
        ways = spoken.publishing(_TOKEN)
        yield Contestant(
            name=NAME,
            port=port,
            meter=Meter(pid),
            watch=_uncompressed(spoken.watching(_TOKEN)),
            ways={way: Way(_uncompressed(ways[way].opened), ways[way].run) for way in (WEBSOCKET, REQUESTS)},
        )


def _uncompressed(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple(field for field in fields if field[0] not in ("deflate", "seqs"))
