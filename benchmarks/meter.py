"""What a process has cost so far, read from /proc: its CPU time and its memory, with those of its children."""

import asyncio
import contextlib
from pathlib import Path


class Meter:
    """The CPU and memory of one process and of all that it started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def cpu(self) -> float:
        """Seconds on a CPU, of every thread alive; the kernel counts in nanoseconds."""
        return sum(_cpu(pid) for pid in self.family())

    def own_cpu(self) -> float:
        """The same of this one process alone."""
        return _cpu(self.pid)

    def memory(self) -> int:
        """Bytes resident now."""
        return sum(_resident(pid) for pid in self.family())

    def sockets(self) -> int:
        """How many this one process has open."""
        count = 0
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # Closed meanwhile.
                count += str(entry.readlink()).startswith("socket:")
        return count

    async def settle(self, within: float = 10.0) -> None:
        """Return when the process is idle, or after that many seconds all the same."""
        for _ in range(int(within / 0.2)):
            before = self.cpu()
            await asyncio.sleep(0.2)
            if self.cpu() - before <= 0.01:
                return

    def family(self) -> list[int]:
        """Its pid and those of all that descend from it."""
        found = [self.pid]
        for parent in found:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # A child may end meanwhile.
                for task in Path(f"/proc/{parent}/task").iterdir():
                    found.extend(int(child) for child in (task / "children").read_text().split())
        return found


def _cpu(pid: int) -> float:
    total = 0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/{pid}/smaps_rollup has no Rss.")
