"""nginx with the nchan module: websocket subscribers, published to by HTTP and by a websocket."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contestant import REQUESTS, WEBSOCKET, WRITES_EACH, Contestant, Way, padded
from benchmarks.meter import Meter
from benchmarks.peers.started import started
from tests.support.ports import free_port

NAME = "nchan"
HOW_TO = "apt install nginx-light libnginx-mod-nchan"
_MODULES = (Path("/usr/lib/nginx/modules"), Path("/usr/lib64/nginx/modules"), Path("/usr/share/nginx/modules"))
_MESSAGE = '{"n":{n},"ts":{ts},"ch":"bench","pad":"{pad}"}'


def missing() -> bool:
    """Whether nginx or the module is not on this machine."""
    return _nginx() is None or _module() is None


@contextmanager
def server() -> Iterator[Contestant]:
    """One worker process, so that its CPU is one server's; memory as the module has it by default."""
    port, nginx, module = free_port(), _nginx(), _module()
    assert nginx is not None and module is not None
    configuration = (Path(__file__).with_name("nchan.conf")).read_text()

    def command(directory: Path) -> list[str]:
        # As root nginx gives its workers to another user, who could not write into our directory.
        values = {"MODULE": str(module), "PORT": str(port), "USER": "user root;" if os.geteuid() == 0 else ""}
        text = configuration
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        (directory / "nginx.conf").write_text(text)
        return [nginx, "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", str(directory / "errors")]

    with started(command, port) as pid:
        item = padded(_MESSAGE)
        yield Contestant(
            name=NAME,
            port=port,
            meter=Meter(pid),
            watch=(("kind", "websocket"), ("path", "/watch"), ("deflate", 1)),
            ways={
                WEBSOCKET: Way((("kind", "websocket"), ("path", "/publish-ws")), (("item", item), WRITES_EACH)),
                REQUESTS: Way((("kind", "http"), ("path", "/publish"), ("count", 16)), (("item", item), WRITES_EACH)),
            },
        )


def _nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def _module() -> Path | None:
    return next((path for each in _MODULES if (path := each / "ngx_nchan_module.so").exists()), None)
