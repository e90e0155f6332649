"""`python -m benchmarks.abuse`: one hostile visitor beside 200 honest watchers and 5 publishers, on default settings.

For each attack a hub of its own is loaded without the visitor, and then with it. Prints a table; `--page FILE` writes
it between the page's two `abuse` comments. The exit status is 1 where an honest client lost an update.
"""

import argparse
import asyncio
import contextlib
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import page
from benchmarks.abuse.attacks import ATTACKS
from benchmarks.abuse.log import fill
from benchmarks.backend import Backend
from benchmarks.failure import Failure
from benchmarks.generator.build import NoCompiler, built
from benchmarks.meter import Meter
from benchmarks.run import log_progress
from benchmarks.server import REQUESTS
from benchmarks.session import LoadResult, Session, open_session
from benchmarks.sizes import allow_files
from benchmarks.table import AbsoluteTarget, Figures, RelativeTarget, Report, Target, render

WATCHERS, PUBLISHERS, RATE = 200, 5, 20
_CALM_S, _ATTACK_S = 10, 10  # As long: of 200 updates the p99 is the third slowest, of 100 the second.
_MIB = 2**20
_DEFAULTS = {"TIDEWIRE_RATE_LIMITS": "on", "TIDEWIRE_ADDRESS_CONNECTIONS": "1000"}  # Benchmarks have others.


def main() -> None:
    """Parse the options, run the attacks, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.abuse")
    parser.add_argument("--only", action="append", choices=list(ATTACKS), help="only this attack; may be repeated")
    parser.add_argument("--page", type=Path, help="write the table into this page")
    options = parser.parse_args()
    try:
        built()
        allow_files(5000)
        report = asyncio.run(_run(options.only or list(ATTACKS)))
        print(render(report))
        if options.page is not None:
            page.write(
                options.page, "abuse", f"Python {platform.python_version()}, {platform.system()}.", [render(report)]
            )
    except Failure as error:
        sys.exit(f"An honest client was failed: {error}")
    except (NoCompiler, OSError) as error:
        sys.exit(str(error))


async def _run(names: Sequence[str]) -> Report:
    rows: dict[str, Figures] = {}
    targets: list[Target] = []
    for name in names:
        rows[name] = row = await _measure(name)
        log_progress(f"{name}: {row}")
        targets += [
            RelativeTarget(f"{name}: p99 of the delay", row["p99 ms, attacked"], row["p99 ms"], 2, "without"),
            RelativeTarget(f"{name}: publish", row["publish ms, attacked"], row["publish ms"], 2, "without"),
            AbsoluteTarget(f"{name}: memory", row["memory +MiB"], "MiB", at_most=150),
            AbsoluteTarget(f"{name}: log", row["log lines a minute"], "lines a minute", at_most=60),
        ]
    return Report(
        "abuse",
        f"One hostile visitor beside {WATCHERS} watchers and {PUBLISHERS} publishers at {RATE} updates per second",
        f"On SQLite with default settings, for {_ATTACK_S} s. The delay is from publish to receive, `publish` is the "
        "median time to its answer, memory the highest beyond that before. Visitor, clients and hub share the cores of "
        "the machine. A real visitor has a machine of its own: this one runs at the lowest priority. `only computing` "
        "never calls the hub: its row shows how much of the others is the machine.",
        rows,
        targets,
    )


async def _measure(name: str) -> Figures:
    """The same load on one hub without the visitor, and with it."""
    async with Backend("sqlite") as backend, backend.hub(**_DEFAULTS) as server:
        await fill(backend.database_url, name)
        log = Path(urlsplit(backend.database_url).path[1:]).parent / "hub" / f"hub-{server.port}.log"
        async with open_session(server, WATCHERS) as session:
            await _load(session, 1)
            calm = await _load(session, _CALM_S)
            memory, lines = server.meter.memory(), _lines(log)
            command = (sys.executable, "-m", "benchmarks.abuse.visitor", name, str(server.port), str(_ATTACK_S + 2))
            samples: list[int] = []
            visitor = await asyncio.create_subprocess_exec(*command)
            try:
                await asyncio.sleep(1)
                watching = asyncio.create_task(_watch_memory(server.meter, samples))
                attacked = await _load(session, _ATTACK_S)
                watching.cancel()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    visitor.terminate()
                await visitor.wait()
        return {
            "p99 ms": calm.p99,
            "p99 ms, attacked": attacked.p99,
            "publish ms": calm.ack_p50,
            "publish ms, attacked": attacked.ack_p50,
            "memory +MiB": max(0.0, (max(samples) - memory) / _MIB),
            "log lines a minute": (_lines(log) - lines) * 60 / (_ATTACK_S + 1),
        }


async def _load(session: Session, seconds: int) -> LoadResult:
    return await session.load(REQUESTS, ("rate", RATE), ("seconds", seconds), publishers=PUBLISHERS)


async def _watch_memory(meter: Meter, found: list[int]) -> None:
    while True:
        found.append(meter.memory())
        await asyncio.sleep(0.2)


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n")


if __name__ == "__main__":
    main()
