"""How much of everything is asked for: each load is bounded in count and in time."""

import resource
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """The sizes of one run. Times are in seconds."""

    publish_seconds: float  # How long publishes are counted for.
    watchers: tuple[int, ...]  # The crowds that the fan-out is measured with.
    fanout_updates: int  # Updates published to each crowd at most …
    fanout_seconds: float  # … and for how long at most.
    paced_watchers: int  # The crowd at 10 publishes a second, …
    paced_updates: int  # … and how many it gets.
    idle_watchers: int
    herd_watchers: int
    herd_behind: int


FULL = Load(
    publish_seconds=2.5,
    watchers=(1, 100, 1000),
    fanout_updates=5000,
    fanout_seconds=4.0,
    paced_watchers=1000,
    paced_updates=100,
    idle_watchers=5000,
    herd_watchers=1000,
    herd_behind=1000,
)
QUICK = Load(
    publish_seconds=0.5,
    watchers=(1, 20, 100),
    fanout_updates=1000,
    fanout_seconds=1.0,
    paced_watchers=100,
    paced_updates=20,
    idle_watchers=500,
    herd_watchers=100,
    herd_behind=500,
)

DRAIN_WITHIN = 90.0  # For the slowest watcher to have everything, after the last publish.


def allow_files(needed: int) -> None:
    """Let this process and the hub hold that many sockets each; raises SystemExit where the machine forbids it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SystemExit(f"This needs {needed} open files, and the hard limit is {hard} (ulimit -Hn); try --quick.")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
