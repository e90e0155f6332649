"""A profile of a hub at full speed, by function, sampled from outside by py-spy."""

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.backend import Backend
from benchmarks.failure import Failure
from benchmarks.server import BATCHES, REQUESTS, WEBSOCKET
from benchmarks.session import open_session
from benchmarks.sizes import Sizes
from benchmarks.table import Report, render

HOW_TO = "py-spy is not installed: pip install py-spy (not one of the project's own dependencies)."
_SECONDS = 5
_ROWS = 15
_PY_SPY_TIMEOUT_S = 60.0


def program() -> str | None:
    """The path of py-spy, beside this Python or on the PATH; None if it is not installed."""
    return shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")


async def profile(database: str, sizes: Sizes) -> list[Report]:
    """Profile a hub once for each publish mode. Raises Failure."""
    reports = []
    async with Backend(database) as backend, backend.hub() as hub, open_session(hub, sizes.watchers) as session:
        for mode in (WEBSOCKET, BATCHES, REQUESTS):
            await session.load(mode, ("seconds", 0.5))
            load = asyncio.create_task(session.load(mode, ("seconds", _SECONDS + 2)))
            try:
                samples = await _sample(hub.meter.pid)
                await load
            finally:
                load.cancel()
            reports.append(_report(f"{hub.name}, {sizes.watchers} watchers, {mode}", samples))
            print(render(reports[-1]), end="\n\n", flush=True)
    return reports


async def _sample(pid: int) -> Counter[tuple[str, ...]]:
    """The number of samples of each stack, outermost function first."""
    py_spy = program()
    if py_spy is None:
        raise Failure(HOW_TO)
    with tempfile.TemporaryDirectory(prefix="tidewire-profile-") as directory:
        file = Path(directory) / "stacks"
        options = ["--duration", str(_SECONDS), "--rate", "200", "--format", "raw", "--nolineno", "--nonblocking"]
        process = await asyncio.create_subprocess_exec(
            py_spy, "record", *options, "--pid", str(pid), "--output", str(file),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(_PY_SPY_TIMEOUT_S):
            output, _ = await process.communicate()
        if process.returncode != 0:
            raise Failure(f"py-spy failed: {output.decode()[-300:]}")
        samples: Counter[tuple[str, ...]] = Counter()
        for line in file.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            if stack:
                samples[tuple(stack.split(";"))] += int(count)
    return samples


def _report(title: str, samples: Counter[tuple[str, ...]]) -> Report:
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for stack, count in samples.items():
        own[stack[-1]] += count
        for name in set(stack):
            total[name] += count
    all_samples = samples.total() or 1
    rows = {
        f"`{name}`": {"self %": count / all_samples * 100, "total %": total[name] / all_samples * 100}
        for name, count in own.most_common(_ROWS)
    }
    return Report(
        "profile",
        title,
        f"{all_samples} samples in {_SECONDS} s. Time in the kernel is counted for the function that called it.",
        rows,
    )
