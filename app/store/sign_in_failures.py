"""Failed sign-ins, counted for each account and each network: on every node, and over restarts."""

from collections.abc import Collection

from sqlalchemy import delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.tables import SIGN_IN_FAILURES

_F = SIGN_IN_FAILURES.c
FORGOTTEN_MS = 24 * 3_600_000


async def add(tx: AsyncConnection, keys: Collection[str], at: int) -> dict[str, tuple[int, int]]:
    """Count one more for each key: of two transactions that do so at once, one waits for the other. Returns how many
    there were before, and when the last one was, in milliseconds since 1970. Those that are a day old are forgotten."""
    await tx.execute(delete(SIGN_IN_FAILURES).where(_F.last_at < at - FORGOTTEN_MS))
    insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(SIGN_IN_FAILURES)
    found = {}
    for key in sorted(keys):  # In one order: no deadlock.
        one_more = insert.values(key=key, failures=1, last_at=at).on_conflict_do_update(
            index_elements=["key"], set_={"failures": _F.failures + 1}
        )
        row = (await tx.execute(one_more.returning(_F.failures, _F.last_at))).one()
        found[key] = (row.failures - 1, row.last_at)
    await tx.execute(update(SIGN_IN_FAILURES).where(_F.key.in_(sorted(keys))).values(last_at=at))
    return found


async def take_back(tx: AsyncConnection, keys: Collection[str]) -> None:
    """It was no failure: count one less for each key."""
    of_keys = _F.key.in_(sorted(keys))
    await tx.execute(update(SIGN_IN_FAILURES).where(of_keys).values(failures=_F.failures - 1))
    await tx.execute(delete(SIGN_IN_FAILURES).where(of_keys, _F.failures <= 0))


async def forget(tx: AsyncConnection, key: str) -> None:
    """Forget the failures of the key."""
    await tx.execute(delete(SIGN_IN_FAILURES).where(_F.key == key))
