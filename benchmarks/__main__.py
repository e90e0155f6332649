"""`python -m benchmarks`: measure on both databases, print a table a measure, and fail when an update was lost."""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from benchmarks import delay, fanout, herd, http_publishing, log_publishing, memory
from benchmarks.crowd import Failure
from benchmarks.load import FULL, QUICK, Load, allow_files
from benchmarks.place import DATABASES, Ground
from benchmarks.table import Cases, Found, render

_MEASURES: tuple[ModuleType, ...] = (log_publishing, http_publishing, fanout, delay, memory, herd)
_MEASURE_WITHIN = 300.0  # Seconds for one measure on one database.


async def run(measures: Sequence[ModuleType], databases: Sequence[str], load: Load) -> list[Found]:
    """Each measure on each database, printed as soon as it is known."""
    found = []
    with contextlib.ExitStack() as stack:
        grounds = []
        for name in databases:
            grounds.append(Ground(name))
            stack.callback(grounds[-1].close)
        for measure in measures:
            known: dict[str, Cases] = {}
            for ground in grounds:
                print(f"… {measure.NAME} on {DATABASES[ground.name]}", file=sys.stderr, flush=True)
                async with asyncio.timeout(_MEASURE_WITHIN):
                    known[DATABASES[ground.name]] = await measure.measure(ground, load)
            found.append(Found(measure.NAME, measure.TITLE, measure.READING, known))
            print(render(found[-1]), end="\n\n", flush=True)
    return found


def main() -> None:
    """Parse the options, run, print; exits 1 when a measure is void."""
    names = [measure.NAME for measure in _MEASURES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure a real hub under load.")
    parser.add_argument("--quick", action="store_true", help="small loads, under a minute: to see that it works")
    parser.add_argument("--only", action="append", choices=names, help="this measure; may be given several times")
    parser.add_argument("--database", choices=[*DATABASES, "both"], default="both")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()

    if not sys.platform.startswith("linux"):
        sys.exit("The benchmarks read CPU time and memory from /proc, which only Linux has.")
    load = QUICK if options.quick else FULL
    allow_files(max(load.idle_watchers, *load.watchers) + 500)
    databases = list(DATABASES) if options.database == "both" else [options.database]
    measures = [measure for measure in _MEASURES if measure.NAME in (options.only or names)]
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.release()}"
    print(f"Tidewire on {machine}; hub, client and database share the cores.\n", flush=True)
    began = time.perf_counter()
    try:
        found = asyncio.run(run(measures, databases, load))
    except (Failure, TimeoutError) as error:
        sys.exit(f"Void: {error or 'a measure took too long.'}")
    print(f"Measured in {time.perf_counter() - began:.0f} s; no update was lost, doubled or out of order.")
    if options.json is not None:
        figures = {each.name: each.databases for each in found}
        options.json.write_text(json.dumps({"machine": machine, "quick": options.quick, "measures": figures}, indent=2))


if __name__ == "__main__":
    main()
