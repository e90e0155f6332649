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

from app.cli.client.failures import MAX_ANSWER_BYTES, Failure, failed_answer, failed_connection
from app.cli.client.target import Target, delay, retry_after
from app.cli.client.terminal import plain

_REQUEST_TIMEOUT_S = 15.0


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
    url = posting.hub.url
    try:
        with opener.open(request, timeout=_REQUEST_TIMEOUT_S) as answer:
            body = answer.read(MAX_ANSWER_BYTES)
            return _stored(body, answer.status), answer.headers.get("Idempotent-Replayed") == "true"
    except urllib.error.HTTPError as error:
        with error:
            if (location := error.headers.get("Location")) is not None:
                sentence = f"The hub redirects to {location}. Pass that hub's own address as --url."
                raise click.ClickException(plain(sentence)) from None
            after = retry_after(error.headers.get("Retry-After"))
            raise _failed(failed_answer(error.code, _body(error)), after) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        failure = failed_connection(error, url)
        raise _failed(Failure(f"{url} can't be reached: {failure.reason}", failure.is_final)) from None


def _stored(body: bytes, status: int) -> dict[str, Any]:
    try:
        stored = json.loads(body)
        if isinstance(stored, dict) and "seq" in stored and "channel" in stored:
            return stored
    except (ValueError, RecursionError):
        pass
    raise _Retry(f"The server answered {status}, and not as a hub does.")


def _body(error: urllib.error.HTTPError) -> bytes:
    try:
        return error.read(MAX_ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        return b""


def _failed(failure: Failure, after: float = 0.0) -> Exception:
    sentence = plain(failure.sentence)
    return click.ClickException(sentence) if failure.is_final else _Retry(sentence, after)
