"""Publishing into the log in this process, by the hub's publisher and store: group commits and single transactions."""

import asyncio
import time
from dataclasses import replace
from itertools import product
from statistics import median

import msgspec

from app.actions.publish import publish
from app.actions.setup import LOBBY
from app.config import Settings
from app.model.access import ANONYMOUS
from app.model.draft import Submission, parse_submission
from app.services import Services, open_services
from app.store import channels
from benchmarks.backend import Backend
from benchmarks.run import Run
from benchmarks.server import padded
from benchmarks.table import AbsoluteTarget, Figures, Report

NAME = "log"
_SINGLE, _GROUPS = "single transactions", "group commit"
_COMMITS: dict[str, dict[str, int]] = {_SINGLE: {"group_updates": 1}, _GROUPS: {}}
_CHANNELS = 50
_ONE_CALLER = "1 caller"


async def measure(run: Run) -> Report:
    """Publishes per second by the number of callers, on one channel and on fifty."""
    rows: dict[str, Figures] = {}
    targets: list[AbsoluteTarget] = []
    for backend in run.backends:
        rates = await _one_backend(run, backend)
        for (case, commits), rate in rates.items():
            rows.setdefault(case, {})[f"{backend.title}: {commits}, publishes/s"] = rate
        for case in dict.fromkeys(case for case, _ in rates):
            gain = rates[case, _GROUPS] / rates[case, _SINGLE]
            at_least = 0.9 if case == _ONE_CALLER else 25.0
            subject = f"{backend.title}, {case}, {_GROUPS}"
            targets.append(AbsoluteTarget(subject, gain, f"× {_SINGLE}", at_least=at_least))
    return Report(
        NAME,
        "Publishing into the log, without HTTP",
        "Higher is better: each publish is acknowledged after its commit, so single transactions show what the disk "
        "and the driver allow; a group commit is shared by all callers that wait. One caller may lose nothing (a tenth "
        "is noise).",
        rows,
        targets,
    )


async def _one_backend(run: Run, backend: Backend) -> dict[tuple[str, str], float]:
    sizes = run.sizes
    cases = [(_ONE_CALLER if callers == 1 else f"{callers} callers", callers, 1) for callers in sizes.log_callers]
    cases.append((f"{_CHANNELS} callers on {_CHANNELS} channels", _CHANNELS, _CHANNELS))
    rates: dict[tuple[str, str], list[float]] = {}
    async with backend.storage() as storage:
        settings = Settings(env="testing", database_url=storage.database_url, data_dir=storage.directory)
        # Alternately, so that a busy moment of the machine affects both.
        for _, (case, callers, channel_count), commits in product(range(min(2, sizes.rounds)), cases, _COMMITS):
            async with open_services(replace(settings, **_COMMITS[commits])) as services:  # type: ignore[arg-type]
                slugs = await _create_channels(services, channel_count)
                rates.setdefault((case, commits), []).append(await _rate(services, slugs, callers, sizes.log_seconds))
    return {key: median(rounds) for key, rounds in rates.items()}


async def _create_channels(services: Services, count: int) -> list[str]:
    """Create that many channels that anonymous callers may publish to; return their slugs."""
    slugs = [LOBBY.slug, *(f"lobby-{index}" for index in range(1, count))]
    async with services.db.transaction() as tx:
        for slug in slugs:
            if await channels.find(tx, slug) is None:
                await channels.add(tx, msgspec.structs.replace(LOBBY, slug=slug), 0)
    return slugs


async def _rate(services: Services, slugs: list[str], callers: int, seconds: float) -> float:
    counts = [0] * callers
    submission = _submission()
    for slug in slugs:
        await publish(services.publisher, ANONYMOUS, slug, submission, None)
    began = time.perf_counter()

    async def call(index: int) -> None:
        slug = slugs[index % len(slugs)]
        while time.perf_counter() - began < seconds:
            await publish(services.publisher, ANONYMOUS, slug, submission, None)
            counts[index] += 1

    await asyncio.gather(*(call(index) for index in range(callers)))
    return sum(counts) / (time.perf_counter() - began)


def _submission() -> Submission:
    text = padded('{"body":"{pad}","data":{"n":{n},"ts":{ts}}}').replace("{n}", "1").replace("{ts}", "1")
    return parse_submission(text.encode())[0]
