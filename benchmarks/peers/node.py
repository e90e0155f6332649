"""Two Node libraries: `ws`, which sends to each client in a loop, and Socket.IO, which emits to a room."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generator.build import cache
from benchmarks.generator.driver import Field
from benchmarks.meter import Meter
from benchmarks.peers.process import peer_process
from benchmarks.server import REQUESTS, SINGLE_WRITES, WEBSOCKET, PublishMode, Server, padded
from tests.support.ports import free_port

PACKAGES = ("ws@8", "socket.io@4")
_MESSAGE = '{"n":{n},"ts":{ts},"ch":"bench","pad":"{pad}"}'
_INSTALL_TIMEOUT_S = 300.0


def modules() -> Path:
    """The directory of the npm packages, outside of the tree, which holds no code of other projects."""
    return cache() / "node" / "node_modules"


def install() -> None:
    """Install the packages with npm. Raises CalledProcessError, and FileNotFoundError without npm."""
    directory = modules().parent
    directory.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(directory), "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    subprocess.run(command, check=True, timeout=_INSTALL_TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class NodePeer:
    """One of the libraries, with the script that runs it."""

    NAME: str
    script: str
    watch: tuple[Field, ...]
    publisher: tuple[Field, ...]
    head: str
    tail: str
    HOW_TO: str = "python -m benchmarks --install-peers (needs node and npm)"

    def missing(self) -> bool:
        """True if Node or the package is not installed."""
        return shutil.which("node") is None or not (modules() / self.NAME).is_dir()

    @contextmanager
    def server(self) -> Iterator[Server]:
        """Start one process as the documentation shows it, with publishers by a websocket and by POST."""
        port = free_port()
        script = str(Path(__file__).with_name(self.script))
        env = {**os.environ, "NODE_PATH": str(modules())}

        def command(_: Path) -> Sequence[str]:
            return ["node", script, str(port)]

        with peer_process(command, port, env) as pid:
            item = padded(_MESSAGE)
            post: tuple[Field, ...] = (("kind", "http"), ("path", "/publish"), ("count", 16))
            yield Server(
                name=self.NAME,
                port=port,
                meter=Meter(pid),
                watch=(*self.watch, ("deflate", 1)),
                modes={
                    WEBSOCKET: PublishMode(
                        self.publisher, (("head", self.head), ("item", item), ("tail", self.tail), SINGLE_WRITES)
                    ),
                    REQUESTS: PublishMode(post, (("item", item), SINGLE_WRITES)),
                },
            )


_PLAIN: tuple[Field, ...] = (("kind", "websocket"), ("path", "/"))
_ENGINE: tuple[Field, ...] = (("kind", "websocket"), ("dialect", "engine.io"), ("ready", '40{"sid"'))
_PATH = "/socket.io/?EIO=4&transport=websocket"
WS = NodePeer("ws", "ws.cjs", _PLAIN, (("kind", "websocket"), ("path", "/publish")), "", "")
SOCKET_IO = NodePeer(
    "socket.io",
    "socketio.cjs",
    (*_ENGINE, ("path", _PATH)),
    (*_ENGINE, ("path", f"{_PATH}&publisher=1")),
    '42["publish",',
    "]",
)
