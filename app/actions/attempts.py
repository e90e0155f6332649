"""Attempts at a password: a failure makes the next one wait, counted in SQL for every node."""

from app.clock import now_ms
from app.errors import RateLimited
from app.store import sign_in_failures
from app.store.engine.database import Transaction

_FREE = 5  # Failures; each one more doubles the pause.
NETWORK_S = 900  # The longest pause of one network.
ACCOUNT_S = 60  # Of one account: anybody can cause it, so it must not lock the owner out.


async def begin_attempt(tx: Transaction, pauses: dict[str, int]) -> None:
    """Count an attempt for each key, whose longest pause in seconds is given: before the password is verified, so that
    a hundred attempts at once count as a hundred. Raises RateLimited while a key has to wait: the transaction has to
    be rolled back then."""
    now = now_ms()
    for key, (failures, last_at) in (await sign_in_failures.add(tx, pauses, now)).items():
        if failures < _FREE:
            continue
        left = last_at + 1000 * min(2 ** min(failures - _FREE, 20), pauses[key]) - now
        if pauses[key] and left > 0:
            seconds = -(-left // 1000)
            raise RateLimited(f"Too many attempts failed; try again in {seconds} s.", retry_after=seconds)


async def attempt_succeeded(tx: Transaction, account: str, *networks: str) -> None:
    """Forget the failures of the account, and take this attempt back from the networks: theirs may be of others."""
    await sign_in_failures.forget(tx, account)
    await sign_in_failures.take_back(tx, networks)
