"""What a process has cost so far, read from /proc: its CPU time and its memory, with those of its children."""

import asyncio
import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class Meter:
    """The CPU and memory of one process and of all that it started."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def cpu(self) -> float:
        """Seconds on a CPU, in user and kernel mode; the kernel counts in steps of 10 ms."""
        return sum(_cpu(pid) for pid in _family(self._pid))

    def memory(self) -> int:
        """Bytes resident now."""
        return sum(_resident(pid) for pid in _family(self._pid))

    async def settle(self, within: float = 15.0) -> None:
        """Return when the process is idle, or after that many seconds all the same."""
        for _ in range(int(within / 0.3)):
            before = self.cpu()
            await asyncio.sleep(0.3)
            if self.cpu() - before <= 0.01:
                return


def _family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found.extend(int(child) for child in (task / "children").read_text().split())
    return found


def _cpu(pid: int) -> float:
    # The command's name stands in brackets and may hold spaces: what follows the last bracket is fields 3 and on.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/{pid}/smaps_rollup has no Rss.")
