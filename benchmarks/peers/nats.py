"""nats-server: its own protocol in websockets, published to by a websocket as well."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contestant import PACKS, WEBSOCKET, Contestant, Way, padded
from benchmarks.generator.driver import Field
from benchmarks.meter import Meter
from benchmarks.peers.started import started
from tests.support.ports import HOST, free_port

NAME = "nats-server"
HOW_TO = "apt install nats-server"
_MESSAGE = '{"n":{n},"ts":{ts},"ch":"bench","pad":"{pad}"}'


def missing() -> bool:
    """Whether it is not on this machine."""
    return _program() is None


@contextmanager
def server() -> Iterator[Contestant]:
    """As it comes, with its websocket listener on and without TLS."""
    port, own, program = free_port(), free_port(), _program()
    assert program is not None

    def command(directory: Path) -> list[str]:
        (directory / "nats.conf").write_text(
            f'listen: "{HOST}:{own}"\nwebsocket {{ listen: "{HOST}:{port}", no_tls: true, compression: false }}\n'
        )
        return [program, "-c", str(directory / "nats.conf")]

    with started(command, port) as pid:
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
            PACKS,
        )
        yield Contestant(
            name=NAME,
            port=port,
            meter=Meter(pid),
            watch=(*connected, ("first", "SUB bench 1\r\nPING\r\n"), ("deflate", 1)),
            ways={WEBSOCKET: Way((*connected, ("first", "PING\r\n")), publish)},
        )


def _program() -> str | None:
    return shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/sbin")
