"""`python -m benchmarks`: measure hubs and peers under the same load; the run fails if an update is lost."""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import ModuleType

from benchmarks import page, profiling
from benchmarks.backend import DATABASES, Backend
from benchmarks.failure import Failure
from benchmarks.generator.build import NoCompiler, built
from benchmarks.measures import (
    delay,
    fanout,
    log,
    memory,
    publishing,
    reconcile,
    reconnect,
    scale,
    slow,
    streams,
    workers,
)
from benchmarks.peers import node
from benchmarks.run import PEERS, Run, log_progress
from benchmarks.sizes import FULL, QUICK, Sizes, allow_files
from benchmarks.table import Report, render

_MEASURES: tuple[ModuleType, ...] = (
    fanout, delay, publishing, scale, memory, slow, reconnect, streams, log, reconcile, workers,
)  # fmt: skip
_MEASURE_TIMEOUT_S = 300.0


async def measure_all(
    measures: Sequence[ModuleType], databases: Sequence[str], peers: Sequence[str], sizes: Sizes
) -> list[Report]:
    """Take the measures in order, and print each report as soon as it is complete."""
    reports = []
    async with AsyncExitStack() as stack:
        backends = [await stack.enter_async_context(Backend(name, reuse_hub=sizes is QUICK)) for name in databases]
        run = Run(backends, peers, sizes)
        for measure in measures:
            began = time.perf_counter()
            async with asyncio.timeout(_MEASURE_TIMEOUT_S):
                reports.append(await measure.measure(run))
            log_progress(f"{measure.NAME} took {time.perf_counter() - began:.0f} s")
            print(render(reports[-1]), end="\n\n", flush=True)
    return reports


def main() -> None:
    """Parse the options, measure and print; exit with 1 if a measure fails, not if a target is not met."""
    options = _options()
    if not sys.platform.startswith("linux"):
        sys.exit("The benchmarks read CPU time and memory from /proc, which only Linux has.")
    if options.install_peers:
        _install_peers()
        return
    sizes = QUICK if options.quick else FULL
    try:
        built()
        allow_files(max(sizes.idle_watchers, *sizes.scale) + 500)
        databases = list(DATABASES) if options.database == "both" else [options.database]
        if options.profile:
            reports = [each for database in databases for each in asyncio.run(profiling.profile(database, sizes))]
        else:
            reports = _measure(options, databases, sizes)
        if options.page is not None:
            section = "profile" if options.profile else "figures"
            page.write(options.page, section, _machine(), [render(each) for each in reports])
    except (Failure, TimeoutError) as error:
        sys.exit(f"The run failed: {error or f'a measure took more than {_MEASURE_TIMEOUT_S:g} s'}")
    except (NoCompiler, OSError) as error:
        sys.exit(str(error))


def _install_peers() -> None:
    try:
        node.install()
    except (subprocess.SubprocessError, OSError) as error:
        sys.exit(f"npm could not install the peers: {error}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure hubs beside their peers.")
    names = [measure.NAME for measure in _MEASURES]
    parser.add_argument("--quick", action="store_true", help="small loads, to check that the benchmarks work")
    parser.add_argument("--only", action="append", choices=names, help="take only this measure; may be repeated")
    parser.add_argument("--database", choices=[*DATABASES, "both"], default="both")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="measure peers as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and the targets to this file")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the tables into this Markdown page")
    parser.add_argument("--profile", action="store_true", help="profile hubs at full speed with py-spy instead")
    parser.add_argument("--install-peers", action="store_true", help="install ws and socket.io with npm, and exit")
    return parser.parse_args()


def _machine() -> str:
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {system}; servers, load and databases share them."
    )


def _measure(options: argparse.Namespace, databases: Sequence[str], sizes: Sizes) -> list[Report]:
    missing = {name: peer.HOW_TO for name, peer in PEERS.items() if options.peers and peer.missing()}
    for name, how_to in missing.items():
        print(f"{name} is not installed: {how_to}")
    peers = [name for name in PEERS if options.peers and name not in missing]
    measures = [measure for measure in _MEASURES if measure.NAME in (options.only or [measure.NAME])]
    print(f"{_machine()}\n", flush=True)
    began = time.perf_counter()
    reports = asyncio.run(measure_all(measures, databases, peers, sizes))
    met = [target.met for report in reports for target in report.targets]
    print(
        f"Measured in {time.perf_counter() - began:.0f} s; no hub lost, repeated or reordered an update. "
        f"Targets: {met.count(True)} met, {met.count(False)} not met, {met.count(None)} not measured."
    )
    if options.json is not None:
        result = {
            "machine": _machine(),
            "quick": options.quick,
            "measures": {each.name: each.as_json() for each in reports},
        }
        options.json.write_text(json.dumps(result, indent=2))
    return reports


if __name__ == "__main__":
    main()
