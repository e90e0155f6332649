"""The cost of one round of the reconciler, with many watched channels and connections, beside fetching every row."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from statistics import median

from sqlalchemy import insert, update

from app.clock import now_ms
from app.config import Settings
from app.live.watch import Watch
from app.model.access import Principal, Role
from app.model.position import Extent, Now
from app.runtime.reconciler import Reconciler
from app.services import Services, open_services
from app.store import channels, members, tokens
from app.store.rows import among
from app.store.tables import CHANNELS, MEMBERS, TOKENS, USERS
from benchmarks.backend import Backend
from benchmarks.channels import create_idle_channels
from benchmarks.meter import Meter
from benchmarks.run import Run
from benchmarks.table import AbsoluteTarget, Figures, Report

NAME = "reconcile"
_ROUNDS = 5
_WATCHES_PER_CHANNEL = 4  # Watches of a channel.
_PRIVATE = 5  # Every fifth channel is private,
_MEMBERS = 10  # and has so many members.
_TOKENS = 10  # Connections of one user, each by a token of its own.
_CHANGED = (0, 10, 100, 1000)
_MAX_CPU_MS = 150.0  # ms of CPU in a round: 15 % of one core at the default interval.
_COMPARED, _FETCHED = "compared in SQL", "every row fetched"


@dataclass(frozen=True, slots=True)
class _Round:
    loop: float
    process: float
    database: float
    wall: float


@dataclass(frozen=True, slots=True)
class _Watched:
    services: Services
    ids: list[int]
    connected: list[Principal]


async def measure(run: Run) -> Report:
    """A round of each form, alternately, without changes and with updates whose hints are missing."""
    rows: dict[str, Figures] = {}
    targets: list[AbsoluteTarget] = []
    for backend in run.backends:
        async with _watched(run, backend) as watched:
            found = await _rounds(backend, watched)
        for (count, form), rounds in found.items():
            case = f"{backend.title}, {form}, {count:,} channels changed"
            rows[case] = {
                "event loop, CPU ms": 1000 * median(each.loop for each in rounds),
                "process, CPU ms": 1000 * median(each.process for each in rounds),
                "time, ms": 1000 * median(each.wall for each in rounds),
            }
            if backend.dependencies:
                rows[case]["PostgreSQL, CPU ms"] = 1000 * median(each.database for each in rounds)
            if count == 0 and form == _COMPARED:
                total = 1000 * median(each.process + each.database for each in rounds)
                targets.append(
                    AbsoluteTarget(
                        f"{backend.title}, a round without a change", total, "ms of CPU", at_most=_MAX_CPU_MS
                    )
                )
    return Report(
        NAME,
        f"A round of the reconciler: {run.sizes.idle_channels:,} channels, {run.sizes.idle_watchers:,} connections",
        "Lower is better; a round runs once a second. The process's CPU includes the event loop's and, with SQLite, "
        "the database's.",
        rows,
        targets,
    )


async def _rounds(backend: Backend, watched: _Watched) -> dict[tuple[int, str], list[_Round]]:
    reconciler = Reconciler(watched.services.db, watched.services.hub)

    async def compare() -> None:
        await reconciler.reconcile(watched.connected)

    async def fetch() -> None:
        await _fetch_every_row(watched)

    forms: dict[str, Callable[[], Awaitable[None]]] = {_COMPARED: compare, _FETCHED: fetch}
    database = backend.dependencies.get("PostgreSQL")
    await compare()
    found: dict[tuple[int, str], list[_Round]] = {}
    counts = [count for count in _CHANGED if count <= len(watched.ids)]
    for count, _, form in product(counts, range(_ROUNDS), forms):
        await compare()
        await asyncio.sleep(2 * watched.services.settings.gap_timeout)  # Until the feeds no longer wait for hints.
        await _advance(watched, count)
        found.setdefault((count, form), []).append(await _timed(forms[form], database))
    return found


async def _timed(act: Callable[[], Awaitable[None]], database: Meter | None) -> _Round:
    beside, began = database.cpu() if database else 0.0, time.perf_counter()
    loop, process = time.thread_time(), time.process_time()
    await act()
    loop, process, wall = time.thread_time() - loop, time.process_time() - process, time.perf_counter() - began
    return _Round(loop, process, (database.cpu() if database else 0.0) - beside, wall)


async def _advance(watched: _Watched, count: int) -> None:
    """Move the heads of `count` channels without a hint."""
    step = max(1, len(watched.ids) // count) if count else 1
    async with watched.services.db.transaction() as tx:
        which = CHANNELS.c.id.in_(among(tx, watched.ids[::step][:count]))
        await tx.execute(update(CHANNELS).where(which).values(last_seq=CHANNELS.c.last_seq + 1))


async def _fetch_every_row(watched: _Watched) -> None:
    """Read the rows that a comparison in Python would need; the comparison itself is not measured."""
    users = {each.user_id for each in watched.connected if each.user_id is not None}
    ids = [each.credential.id for each in watched.connected if each.credential is not None]
    async with watched.services.db.reading() as tx:
        states = await channels.states(tx, watched.ids)
        await tokens.valid(tx, ids, now_ms())
        await members.roles(tx, [each for each, state in states.items() if state.visibility == "private"], users)


@asynccontextmanager
async def _watched(run: Run, backend: Backend) -> AsyncIterator[_Watched]:
    """A hub without sockets: every channel is watched, the private ones by members."""
    async with backend.storage() as storage:
        settings = Settings(env="testing", database_url=storage.database_url, data_dir=storage.directory)
        async with open_services(settings) as services:
            await create_idle_channels(storage.database_url, 1, run.sizes.idle_channels)
            watched, roles = await _filled(services, run.sizes.idle_watchers)
            watches = [watch async for watch in _watches(watched, roles)]
            try:
                yield watched
            finally:
                for watch in watches:
                    watch.close()


async def _filled(services: Services, connections: int) -> tuple[_Watched, dict[int, list[int]]]:
    """The users, their tokens and the private channels, with the members of each."""
    users = max(_MEMBERS, connections // _TOKENS)
    async with services.db.transaction() as tx:
        ids = list((await tx.execute(CHANNELS.select().with_only_columns(CHANNELS.c.id))).scalars())
        private = ids[::_PRIVATE]
        users_rows = [
            {"name": f"u-{each}", "email": f"{each}@example.org", "is_admin": False, "created_at": 0}
            for each in range(users)
        ]
        user_ids = list((await tx.execute(insert(USERS).returning(USERS.c.id), users_rows)).scalars())
        owned = [
            {"digest": f"{each:064}", "prefix": f"tw_{each}", "name": f"{each}", "user_id": user_ids[each % users]}
            for each in range(connections)
        ]
        scopes = {"scopes": "publish read", "created_at": 0}
        token_ids = list(
            (await tx.execute(insert(TOKENS).returning(TOKENS.c.id), [o | scopes for o in owned])).scalars()
        )
        roles = {
            each: [user_ids[(index * 7 + n) % users] for n in range(_MEMBERS)] for index, each in enumerate(private)
        }
        await tx.execute(update(CHANNELS).where(CHANNELS.c.id.in_(among(tx, private))).values(visibility="private"))
        rows = [
            {"channel_id": channel_id, "user_id": user_id, "role": int(Role.READER)}
            for channel_id, member_ids in roles.items()
            for user_id in member_ids
        ]
        await tx.execute(insert(MEMBERS), rows)
        connected = list((await tokens.valid(tx, token_ids, now_ms())).values())
    return _Watched(services, ids, connected), roles


async def _watches(watched: _Watched, roles: dict[int, list[int]]) -> AsyncIterator[Watch]:
    by_user = {each.user_id: each for each in watched.connected}
    hub = watched.services.hub
    for index, channel_id in enumerate(watched.ids):
        for n in range(_WATCHES_PER_CHANNEL):
            members_only = roles.get(channel_id)
            if members_only is not None:
                principal = by_user[members_only[n]]
            else:
                principal = watched.connected[(index * _WATCHES_PER_CHANNEL + n) % len(watched.connected)]
            yield (await hub.subscribe(channel_id, principal, Now(), partial(_extent, watched, channel_id))).watch


async def _extent(watched: _Watched, channel_id: int) -> tuple[Extent, float]:
    began = asyncio.get_running_loop().time()
    async with watched.services.db.reading() as tx:
        state = (await channels.states(tx, [channel_id]))[channel_id]
    return Extent(state.epoch, state.first_seq, state.last_seq), began
