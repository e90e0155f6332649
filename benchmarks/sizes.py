"""The sizes of the loads: each is bounded in count and in time."""

import resource
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of one run. Times are in seconds."""

    rounds: int  # Loads of each server and mode; the median counts.
    busy_seconds: float  # One load at full speed.
    busy_updates: int  # The most updates of one load at full speed.
    calm_seconds: float  # One load at a fixed rate.
    watchers: int
    idle_watchers: int
    scale: tuple[int, ...]  # Numbers of watchers, ascending.
    idle_channels: int
    slow_watchers: int  # For the memory of one.
    storm_watchers: int
    storm_missed: int  # Updates that each of them missed.
    log_seconds: float
    log_callers: tuple[int, ...]


FULL = Sizes(
    rounds=3,
    busy_seconds=1.0,
    busy_updates=20_000,
    calm_seconds=2.5,
    watchers=1000,
    idle_watchers=5000,
    scale=(100, 1000, 10_000),
    idle_channels=10_000,
    slow_watchers=20,
    storm_watchers=1000,
    storm_missed=1000,
    log_seconds=0.9,
    log_callers=(1, 50, 500),
)
QUICK = Sizes(
    rounds=1,
    busy_seconds=0.2,
    busy_updates=2000,
    calm_seconds=0.4,
    watchers=100,
    idle_watchers=300,
    scale=(10, 100),
    idle_channels=100,
    slow_watchers=5,
    storm_watchers=100,
    storm_missed=300,
    log_seconds=0.15,
    log_callers=(1, 50),
)


def allow_files(needed: int) -> None:
    """Let this process's children hold that many sockets each; raises SystemExit where the machine forbids it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SystemExit(f"This needs {needed} open files, and the hard limit is {hard} (ulimit -Hn); try --quick.")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
