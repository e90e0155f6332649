"""What `publish` and `watch` share: where the hub is, who asks, and how long to wait before asking again."""

import ipaddress
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import click

DEFAULT_URL = "http://127.0.0.1:8000"
_MOST_TOKEN = 200
_LONGEST_WAIT = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """A hub, and the token that speaks for whoever asks. The token is in no text form of this."""

    url: str
    headers: dict[str, str]
    is_near: bool

    def __repr__(self) -> str:
        return f"Target({self.url!r})"

    def updates_url(self, slug: str) -> str:
        """Where the channel's updates are posted."""
        return f"{self.url}/api/v1/channels/{quote(slug, safe='')}/updates"

    @property
    def socket_url(self) -> str:
        """The websocket's address."""
        return f"ws{self.url.removeprefix('http')}/api/v1/ws"


def client_options[F: Callable[..., Any]](command: F) -> F:
    """`--url` and `--token-stdin`. There is no option for the token itself: `ps` would show it to everybody."""
    with_stdin = click.option(
        "--token-stdin", is_flag=True, help="Read the token, one line, from standard input; else TIDEWIRE_TOKEN."
    )
    return click.option(
        "--url", envvar="TIDEWIRE_URL", default=DEFAULT_URL, show_default=True, help="The hub; else TIDEWIRE_URL."
    )(with_stdin(command))


def target(url: str, token_stdin: bool) -> Target:
    """The hub at `url`, with the token from standard input or TIDEWIRE_TOKEN if there is one. Raises UsageError."""
    token = os.environ.get("TIDEWIRE_TOKEN", "").strip()
    if token_stdin:
        token = sys.stdin.buffer.readline(_MOST_TOKEN + 2).decode(errors="replace").strip()
    if not (token.isascii() and token.isprintable() and " " not in token and len(token) <= _MOST_TOKEN):
        raise click.UsageError("The token is not one: it is one word that begins with tw_.")
    if token_stdin and not token:
        raise click.UsageError("--token-stdin was given, and standard input is empty.")
    return Target(_checked(url), {"Authorization": f"Bearer {token}"} if token else {}, _is_near(url))


def delay(tries: int, random: Callable[[], float] = random.random) -> float:
    """Seconds to wait after failure number `tries`, from 1: twice as long each time, up to 5 s, and spread, so that the
    many who lost one hub do not come back as one."""
    return float(min(_LONGEST_WAIT, 0.5 * 2 ** min(tries - 1, 10)) * (0.25 + 0.75 * random()))


def retry_after(value: str | None) -> float:
    """A `Retry-After` in seconds; 0 when there is none, or one that is a date."""
    return float(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 6 else 0.0


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right or parts.query or parts.fragment or parts.username is not None:
        raise click.UsageError("--url (TIDEWIRE_URL) must be the hub's address, such as https://updates.example.org.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _is_near(url: str) -> bool:
    """On this machine: no proxy of the environment can reach it for us."""
    host = urlsplit(url.strip()).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
