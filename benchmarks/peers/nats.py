"""nats-server: its own protocol over websockets, for watchers and publishers."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.generator.driver import Field
from benchmarks.meter import Meter
from benchmarks.peers.process import peer_process
from benchmarks.server import PACKED_WRITES, WEBSOCKET, PublishMode, Server, padded
from tests.support.ports import HOST, free_port

NAME = "nats-server"
HOW_TO = "apt install nats-server"
_MESSAGE = '{"n":{n},"ts":{ts},"ch":"bench","pad":"{pad}"}'


def missing() -> bool:
    """True if nats-server is not installed."""
    return _program() is None


@contextmanager
def server() -> Iterator[Server]:
    """Start it with the default configuration and a websocket listener without TLS."""
    port, own, program = free_port(), free_port(), _program()
    assert program is not None

    def command(directory: Path) -> list[str]:
        (directory / "nats.conf").write_text(
            f'listen: "{HOST}:{own}"\nwebsocket {{ listen: "{HOST}:{port}", no_tls: true, compression: false }}\n'
        )
        return [program, "-c", str(directory / "nats.conf")]

    with peer_process(command, port) as pid:
        connected: tuple[Field, ...] = (
            ("kind", "websocket"),
            ("path", "/"),
            ("dialect", "nats"),
            ("binary", 1),
            ("first", 'CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\n'),
            ("ready", "PONG"),
        )
        publish: tuple[Field, ...] = (
            ("head", "PUB bench {len}\r\n"),
            ("item", padded(_MESSAGE)),
            ("tail", "\r\n"),
            PACKED_WRITES,
        )
        yield Server(
            name=NAME,
            port=port,
            meter=Meter(pid),
            watch=(*connected, ("first", "SUB bench 1\r\nPING\r\n"), ("deflate", 1)),
            modes={WEBSOCKET: PublishMode((*connected, ("first", "PING\r\n")), publish)},
        )


def _program() -> str | None:
    return shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/sbin")
