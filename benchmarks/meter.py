"""CPU time and memory of a process and its descendants, read from /proc."""

import asyncio
import contextlib
from pathlib import Path


class Meter:
    """Reads the CPU time and the memory of one process and its descendants."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def cpu(self) -> float:
        """Seconds of CPU time of all their running threads."""
        return sum(_cpu(pid) for pid in self.pids())

    def process_cpu(self) -> float:
        """Seconds of CPU time of this process alone."""
        return _cpu(self.pid)

    def memory(self) -> int:
        """Resident bytes."""
        return sum(_resident(pid) for pid in self.pids())

    def sockets(self) -> int:
        """The number of sockets that this process has open."""
        count = 0
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # It was closed meanwhile.
                count += str(entry.readlink()).startswith("socket:")
        return count

    async def wait_until_idle(self, within: float = 10.0) -> None:
        """Return once the process is idle, and after that many seconds at the latest."""
        for _ in range(int(within / 0.2)):
            before = self.cpu()
            await asyncio.sleep(0.2)
            if self.cpu() - before <= 0.01:
                return

    def pids(self) -> list[int]:
        """Its pid and those of its descendants."""
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
