"""`python -m benchmarks.abuse.visitor ATTACK PORT SECONDS`: the attack, in a process of its own.

It has the lowest priority: a real visitor has a machine of its own, and what it computes must not be measured as what
it costs the hub.
"""

import asyncio
import contextlib
import os
import sys

from benchmarks.abuse.attacks import ATTACKS
from benchmarks.abuse.client import Visitor
from benchmarks.sizes import allow_files


async def _attack(name: str, port: int, seconds: float) -> None:
    visitor = Visitor(port)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ATTACKS[name](visitor)
            await asyncio.sleep(seconds)  # What it holds, it holds.
    visitor.close()


if __name__ == "__main__":
    allow_files(5000)
    os.nice(19)
    asyncio.run(_attack(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
