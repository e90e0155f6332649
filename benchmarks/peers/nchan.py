"""nginx with the nchan module: websocket watchers, publishers over HTTP and over a websocket."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.meter import Meter
from benchmarks.peers.process import peer_process
from benchmarks.server import REQUESTS, SINGLE_WRITES, WEBSOCKET, PublishMode, Server, padded
from tests.support.ports import free_port

NAME = "nchan"
HOW_TO = "apt install nginx-light libnginx-mod-nchan"
_MODULES = (Path("/usr/lib/nginx/modules"), Path("/usr/lib64/nginx/modules"), Path("/usr/share/nginx/modules"))
_MESSAGE = '{"n":{n},"ts":{ts},"ch":"bench","pad":"{pad}"}'


def missing() -> bool:
    """True if nginx or the module is not installed."""
    return _nginx() is None or _module() is None


@contextmanager
def server() -> Iterator[Server]:
    """Start nginx with one worker process and the module's default memory."""
    port, nginx, module = free_port(), _nginx(), _module()
    assert nginx is not None and module is not None
    configuration = (Path(__file__).with_name("nchan.conf")).read_text()

    def command(directory: Path) -> list[str]:
        # Started by root, nginx runs its workers as another user, which could not write into this directory.
        values = {"MODULE": str(module), "PORT": str(port), "USER": "user root;" if os.geteuid() == 0 else ""}
        text = configuration
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        (directory / "nginx.conf").write_text(text)
        return [nginx, "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", str(directory / "errors")]

    with peer_process(command, port) as pid:
        item = padded(_MESSAGE)
        yield Server(
            name=NAME,
            port=port,
            meter=Meter(pid),
            watch=(("kind", "websocket"), ("path", "/watch"), ("deflate", 1)),
            modes={
                WEBSOCKET: PublishMode(
                    (("kind", "websocket"), ("path", "/publish-ws")), (("item", item), SINGLE_WRITES)
                ),
                REQUESTS: PublishMode(
                    (("kind", "http"), ("path", "/publish"), ("count", 16)), (("item", item), SINGLE_WRITES)
                ),
            },
        )


def _nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def _module() -> Path | None:
    return next((path for each in _MODULES if (path := each / "ngx_nchan_module.so").exists()), None)
