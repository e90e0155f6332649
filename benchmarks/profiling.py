"""A profile of a hub at full speed: where its time goes, by function, as py-spy samples it from outside."""

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.contestant import BATCHES, REQUESTS, WEBSOCKET
from benchmarks.failure import Failure
from benchmarks.place import Ground
from benchmarks.sitting import sitting
from benchmarks.sizes import Sizes
from benchmarks.table import Found, render

HOW_TO = "py-spy is not installed: pip install py-spy (not one of the project's own dependencies)."
_SECONDS = 5
_SHOWN = 15
_WITHIN = 60.0


def program() -> str | None:
    """py-spy, beside this Python or on the PATH."""
    return shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")


async def profile(database: str, sizes: Sizes) -> list[Found]:
    """For each way to publish, the functions that were on the CPU. Raises Failure."""
    found = []
    async with Ground(database) as ground, ground.hub() as hub, sitting(hub, sizes.watchers) as sits:
        for way in (WEBSOCKET, BATCHES, REQUESTS):
            await sits.run(way, ("seconds", 0.5))
            running = asyncio.create_task(sits.run(way, ("seconds", _SECONDS + 2)))
            try:
                samples = await _sampled(hub.meter.pid)
                await running
            finally:
                running.cancel()
            found.append(_found(f"{hub.name}, {sizes.watchers} watchers, {way}", samples))
            print(render(found[-1]), end="\n\n", flush=True)
    return found


async def _sampled(pid: int) -> Counter[tuple[str, ...]]:
    """Stacks, outermost first, and how often each was met."""
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
        async with asyncio.timeout(_WITHIN):
            said, _ = await process.communicate()
        if process.returncode != 0:
            raise Failure(f"py-spy failed: {said.decode()[-300:]}")
        samples: Counter[tuple[str, ...]] = Counter()
        for line in file.read_text().splitlines():
            stack, _, count = line.rpartition(" ")
            if stack:
                samples[tuple(stack.split(";"))] += int(count)
    return samples


def _found(title: str, samples: Counter[tuple[str, ...]]) -> Found:
    own: Counter[str] = Counter()
    all_in: Counter[str] = Counter()
    for stack, count in samples.items():
        own[stack[-1]] += count
        for name in set(stack):
            all_in[name] += count
    whole = samples.total() or 1
    rows = {
        f"`{name}`": {"itself %": count / whole * 100, "with what it calls %": all_in[name] / whole * 100}
        for name, count in own.most_common(_SHOWN)
    }
    return Found(
        "profile",
        title,
        f"{whole} samples of {_SECONDS} s; time in the kernel counts to the function that called it.",
        rows,
    )
