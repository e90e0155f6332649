"""Posting one update over HTTP until it is answered, under one idempotency key: sent twice, it is stored once."""

import http.client
import json
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from typing import Any

import click

from app.cli.client.target import Target, delay, retry_after
from app.cli.client.terminal import plain

_TRY_SECONDS = 15.0
_MOST_ANSWER = 1024 * 1024
_BUSY = (429, 502, 503, 504)


class _Again(Exception):
    """This try failed in a way that the next may not; `after` is in seconds."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Posting:
    """One update on its way, and the key that all tries of it share."""

    hub: Target
    slug: str
    update: dict[str, Any]
    given_key: str | None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.given_key or str(uuid.uuid4()))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """urllib would carry the token to wherever it is sent, and turn the POST into a GET."""

    def redirect_request(self, *_: Any) -> None:
        return None


def post(posting: Posting, *, within: float) -> tuple[dict[str, Any], bool]:
    """The update as stored, and whether it had been stored before. Tries again for `within` seconds.

    Raises ClickException with what the hub, or the network, says.
    """
    proxies = [urllib.request.ProxyHandler({})] if posting.hub.is_near else []
    opener = urllib.request.build_opener(_NoRedirect, *proxies)
    deadline, tries = time.monotonic() + within, 0
    while True:
        tries += 1
        try:
            return _try(opener, posting)
        except _Again as again:
            wait = max(delay(tries), again.after)
            if time.monotonic() + wait > deadline:
                raise click.ClickException(f"Gave up after {within:g} s. {plain(again)}") from None
        time.sleep(wait)


def _try(opener: urllib.request.OpenerDirector, posting: Posting) -> tuple[dict[str, Any], bool]:
    request = urllib.request.Request(
        posting.hub.updates_url(posting.slug),
        data=json.dumps(posting.update).encode(),
        headers={
            **posting.hub.headers,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Idempotency-Key": posting.key,
            "User-Agent": "tidewire",
        },
        method="POST",
    )
    try:
        with opener.open(request, timeout=_TRY_SECONDS) as answer:
            stored = json.loads(answer.read(_MOST_ANSWER))
            if not isinstance(stored, dict) or "seq" not in stored or "channel" not in stored:
                raise click.ClickException(f"What answers at {posting.hub.url} is not a hub.")
            return stored, answer.headers.get("Idempotent-Replayed") == "true"
    except urllib.error.HTTPError as error:
        with error:
            sentence = _message(error)
            if error.code in _BUSY:
                raise _Again(sentence, retry_after(error.headers.get("Retry-After"))) from None
        raise click.ClickException(plain(sentence)) from None
    except ValueError:
        raise click.ClickException(f"What answers at {posting.hub.url} is not a hub.") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise _Again(f"{posting.hub.url} can't be reached: {getattr(reason, 'strerror', None) or reason}.") from None


def _message(error: urllib.error.HTTPError) -> str:
    where = error.headers.get("Location")
    if where is not None:
        return f"The hub is elsewhere: {where}. Give its own address as --url."
    try:
        return str(json.loads(error.read(_MOST_ANSWER))["error"]["message"])
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        return f"The hub answered {error.code}."
