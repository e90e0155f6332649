"""Posts one update over HTTP and retries under one idempotency key, so that it is stored once."""

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

_REQUEST_TIMEOUT_S = 15.0
_MAX_ANSWER_BYTES = 1024 * 1024
_TEMPORARY_STATUSES = (429, 502, 503, 504)


class _Retry(Exception):
    """A temporary failure: retry after at least `after` seconds."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Posting:
    """One update to post, and the idempotency key that all attempts share."""

    hub: Target
    slug: str
    update: dict[str, Any]
    given_key: str | None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.given_key or str(uuid.uuid4()))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib would send the token to the other address, and change the POST to a GET."""

    def redirect_request(self, *_: Any) -> None:
        return None


def post(posting: Posting, *, within: float) -> tuple[dict[str, Any], bool]:
    """The update as stored, and whether it was stored before. Retries for `within` seconds.

    Raises ClickException with the message of the hub or of the network.
    """
    proxies = [urllib.request.ProxyHandler({})] if posting.hub.is_local else []
    opener = urllib.request.build_opener(_NoRedirect, *proxies)
    deadline, tries = time.monotonic() + within, 0
    while True:
        tries += 1
        try:
            return _post_once(opener, posting)
        except _Retry as failed:
            wait = max(delay(tries), failed.after)
            if time.monotonic() + wait > deadline:
                raise click.ClickException(f"Gave up after {within:g} s. {plain(failed)}") from None
        time.sleep(wait)


def _post_once(opener: urllib.request.OpenerDirector, posting: Posting) -> tuple[dict[str, Any], bool]:
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
        with opener.open(request, timeout=_REQUEST_TIMEOUT_S) as answer:
            stored = json.loads(answer.read(_MAX_ANSWER_BYTES))
            if not isinstance(stored, dict) or "seq" not in stored or "channel" not in stored:
                raise click.ClickException(f"The server at {posting.hub.url} is not a hub.")
            return stored, answer.headers.get("Idempotent-Replayed") == "true"
    except urllib.error.HTTPError as error:
        with error:
            message = _message(error)
            if error.code in _TEMPORARY_STATUSES:
                raise _Retry(message, retry_after(error.headers.get("Retry-After"))) from None
        raise click.ClickException(plain(message)) from None
    except ValueError:
        raise click.ClickException(f"The server at {posting.hub.url} is not a hub.") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise _Retry(f"{posting.hub.url} can't be reached: {getattr(reason, 'strerror', None) or reason}.") from None


def _message(error: urllib.error.HTTPError) -> str:
    location = error.headers.get("Location")
    if location is not None:
        return f"The hub redirects to {location}. Pass that hub's own address as --url."
    try:
        return str(json.loads(error.read(_MAX_ANSWER_BYTES))["error"]["message"])
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        return f"The hub answered {error.code}."
