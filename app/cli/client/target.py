"""Shared by `publish` and `watch`: the hub's address, the token, and the delay before a retry."""

import ipaddress
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import getproxies

import click

from app.addresses import is_host, is_plain_path
from app.environment import variable

DEFAULT_URL = "http://127.0.0.1:8000"
_MAX_TOKEN_CHARACTERS = 200
_MAX_DELAY_S = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """A hub's address and the caller's token. `repr` does not show the token."""

    url: str
    headers: dict[str, str]
    is_local: bool

    def __repr__(self) -> str:
        return f"Target({self.url!r})"

    def updates_url(self, slug: str) -> str:
        """The address to which the channel's updates are posted."""
        return f"{self.url}/api/v1/channels/{quote(slug, safe='')}/updates"

    @property
    def socket_url(self) -> str:
        """The websocket's address."""
        return f"ws{self.url.removeprefix('http')}/api/v1/ws"


def client_options[F: Callable[..., Any]](command: F) -> F:
    """`--url` and `--token-stdin`. There is no option for the token itself: `ps` would show it to every user."""
    with_stdin = click.option(
        "--token-stdin", is_flag=True, help="Read the token, one line, from standard input; else TIDEWIRE_TOKEN."
    )
    return click.option(
        "--url",
        default=lambda: variable("TIDEWIRE_URL") or DEFAULT_URL,
        show_default=DEFAULT_URL,
        help="The hub; else TIDEWIRE_URL.",
    )(with_stdin(command))


def target(url: str, token_stdin: bool) -> Target:
    """The hub at `url`, with the token from standard input or TIDEWIRE_TOKEN if there is one.

    Raises UsageError, or ClickException for a proxy of the environment that can't be used.
    """
    token = variable("TIDEWIRE_TOKEN")
    if token_stdin:
        token = sys.stdin.buffer.readline(_MAX_TOKEN_CHARACTERS + 2).decode(errors="replace").strip()
    if not (token.isascii() and token.isprintable() and " " not in token and len(token) <= _MAX_TOKEN_CHARACTERS):
        raise click.UsageError("The token is malformed: a token is one word that begins with tw_.")
    if token_stdin and not token:
        raise click.UsageError("--token-stdin was given, and standard input is empty.")
    checked = _checked(url)
    if not _is_local(url):
        _check_proxies()
    return Target(checked, {"Authorization": f"Bearer {token}"} if token else {}, _is_local(url))


def delay(tries: int, random: Callable[[], float] = random.random) -> float:
    """Seconds to wait after failure number `tries`, from 1: doubled each time, up to 5 s, and randomised, to avoid a
    reconnect storm."""
    return float(min(_MAX_DELAY_S, 0.5 * 2 ** min(tries - 1, 10)) * (0.25 + 0.75 * random()))


def retry_after(value: str | None) -> float:
    """A `Retry-After` in seconds; 0 when there is none, or when it is a date."""
    return float(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 6 else 0.0


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        is_valid = (
            parts.scheme in ("http", "https")
            and is_host((parts.hostname or "").encode("idna").decode())
            and parts.port != 0
            and not parts.netloc.endswith(":")
            and is_plain_path(parts.path.rstrip("/"))
        )
    except ValueError:
        is_valid = False
    if not is_valid or parts.query or parts.fragment or parts.username is not None:
        raise click.UsageError("--url (TIDEWIRE_URL) must be the hub's address, such as https://updates.example.org.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _check_proxies() -> None:
    for scheme, proxy in getproxies().items():
        if scheme not in ("http", "https"):
            continue
        try:
            parts = urlsplit(proxy)
            is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_valid = False
        if not is_valid:
            raise click.ClickException(f"The proxy in {scheme.upper()}_PROXY must be http://HOST:PORT.")


def _is_local(url: str) -> bool:
    """True for an address of this machine, which no proxy of the environment can reach."""
    host = urlsplit(url.strip()).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
