"""`python -m benchmarks`: hubs and their peers under the same load in one run; fails when an update was lost."""

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
from benchmarks.arena import PEERS, Arena, say
from benchmarks.failure import Failure
from benchmarks.generator.build import NoCompiler, built
from benchmarks.measures import delay, fanout, herd, log, memory, publishing, reconcile, scale, slow, streams, workers
from benchmarks.peers import node
from benchmarks.place import DATABASES, Ground
from benchmarks.sizes import FULL, QUICK, Sizes, allow_files
from benchmarks.table import Found, render

_MEASURES: tuple[ModuleType, ...] = (
    fanout, delay, publishing, scale, memory, slow, herd, streams, log, reconcile, workers,
)  # fmt: skip
_MEASURE_WITHIN = 300.0


async def run(
    measures: Sequence[ModuleType], databases: Sequence[str], peers: Sequence[str], sizes: Sizes
) -> list[Found]:
    """Each measure, printed as soon as it is known."""
    found = []
    async with AsyncExitStack() as stack:
        grounds = [await stack.enter_async_context(Ground(name, keeps_its_hub=sizes is QUICK)) for name in databases]
        arena = Arena(grounds, peers, sizes)
        for measure in measures:
            began = time.perf_counter()
            async with asyncio.timeout(_MEASURE_WITHIN):
                found.append(await measure.measure(arena))
            say(f"{measure.NAME} took {time.perf_counter() - began:.0f} s")
            print(render(found[-1]), end="\n\n", flush=True)
    return found


def main() -> None:
    """Parse the options, run, print; exits 1 when a measure is void, not when a bound is not held."""
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
            found = [each for database in databases for each in asyncio.run(profiling.profile(database, sizes))]
        else:
            found = _measure(options, databases, sizes)
        if options.page is not None:
            section = "profile" if options.profile else "figures"
            page.write(options.page, section, _machine(), [render(each) for each in found])
    except (Failure, TimeoutError) as error:
        sys.exit(f"Void: {error or 'a measure took too long.'}")
    except (NoCompiler, OSError) as error:
        sys.exit(str(error))


def _install_peers() -> None:
    try:
        node.install()
    except (subprocess.SubprocessError, OSError) as error:
        sys.exit(f"npm could not install the peers: {error}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure real hubs beside their peers.")
    names = [measure.NAME for measure in _MEASURES]
    parser.add_argument("--quick", action="store_true", help="small loads: to see that it works, not what it costs")
    parser.add_argument("--only", action="append", choices=names, help="this measure; may be given several times")
    parser.add_argument("--database", choices=[*DATABASES, "both"], default="both")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="measure peers as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the tables into this page of the guide")
    parser.add_argument("--profile", action="store_true", help="sample hubs at full speed with py-spy instead")
    parser.add_argument("--install-peers", action="store_true", help="fetch ws and socket.io with npm, and end")
    return parser.parse_args()


def _machine() -> str:
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {system}; servers, load and databases share them."
    )


def _measure(options: argparse.Namespace, databases: Sequence[str], sizes: Sizes) -> list[Found]:
    missing = {name: peer.HOW_TO for name, peer in PEERS.items() if options.peers and peer.missing()}
    for name, how_to in missing.items():
        print(f"{name} is not installed: {how_to}")
    peers = [name for name in PEERS if options.peers and name not in missing]
    measures = [measure for measure in _MEASURES if measure.NAME in (options.only or [measure.NAME])]
    print(f"{_machine()}\n", flush=True)
    began = time.perf_counter()
    found = asyncio.run(run(measures, databases, peers, sizes))
    held = [each.held for measure in found for each in measure.due]
    print(
        f"Measured in {time.perf_counter() - began:.0f} s; no hub lost, doubled or misplaced an update. "
        f"Of what is due, {held.count(True)} held, {held.count(False)} did not, {held.count(None)} could not be judged."
    )
    if options.json is not None:
        figures = {each.name: each.as_json() for each in found}
        run_on = {"machine": _machine(), "quick": options.quick}
        options.json.write_text(json.dumps({**run_on, "measures": figures}, indent=2))
    return found


if __name__ == "__main__":
    main()
