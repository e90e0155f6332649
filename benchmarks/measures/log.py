"""Publishing into the log through the hub's own publisher and store, in this process: groups against one at a time."""

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
from benchmarks.arena import Arena
from benchmarks.contestant import padded
from benchmarks.place import Ground
from benchmarks.table import Bound, Figures, Found, Limit

NAME = "log"
_EACH, _GROUPS = "a transaction each", "group commit"
_WAYS: dict[str, dict[str, int]] = {_EACH: {"group_updates": 1}, _GROUPS: {}}
_CHANNELS = 50
_ALONE = "1 caller"


async def measure(arena: Arena) -> Found:
    """Publishes a second for so many callers, on one channel and on fifty."""
    rows: dict[str, Figures] = {}
    due: list[Bound | Limit] = []
    for ground in arena.grounds:
        rates = await _one_ground(arena, ground)
        for (case, way), rate in rates.items():
            rows.setdefault(case, {})[f"{ground.title}: {way}, publishes/s"] = rate
        for case in dict.fromkeys(case for case, _ in rates):
            many, single = rates[case, _GROUPS], rates[case, _EACH]
            least = 0.9 if case == _ALONE else 25.0
            due.append(Limit(f"{ground.title}, {case}, groups", many / single, "× a transaction each", least=least))
    return Found(
        NAME,
        "Publishing into the log, without HTTP",
        "Higher is better: each publish is answered after its own commit, so a transaction each is what the disk and "
        "the driver allow, and a group shares one among all who wait. One caller is due to lose nothing (a tenth is "
        "noise).",
        rows,
        due,
    )


async def _one_ground(arena: Arena, ground: Ground) -> dict[tuple[str, str], float]:
    sizes = arena.sizes
    cases = [(_ALONE if callers == 1 else f"{callers} callers", callers, 1) for callers in sizes.log_callers]
    cases.append((f"{_CHANNELS} callers on {_CHANNELS} channels", _CHANNELS, _CHANNELS))
    rates: dict[tuple[str, str], list[float]] = {}
    async with ground.place() as place:
        settings = Settings(env="testing", database_url=place.database_url, data_dir=place.directory)
        # In turn, so that both ways meet the machine in each mood.
        for _, (case, callers, spread), way in product(range(min(2, sizes.rounds)), cases, _WAYS):
            async with open_services(replace(settings, **_WAYS[way])) as services:  # type: ignore[arg-type]
                slugs = await _slugs(services, spread)
                rates.setdefault((case, way), []).append(await _rate(services, slugs, callers, sizes.log_seconds))
    return {key: median(turns) for key, turns in rates.items()}


async def _slugs(services: Services, count: int) -> list[str]:
    """So many channels that anybody may publish to."""
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
