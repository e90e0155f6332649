"""Why a hub could not be reached or did not answer as one: a sentence, and whether another try can help."""

import json
import os
import socket
import ssl
import urllib.error
from dataclasses import dataclass
from urllib.parse import urlsplit

from websockets.exceptions import InvalidProxy

MAX_ANSWER_BYTES = 1024 * 1024
# A retry would be refused again. The other codes (rate_limited, unavailable, internal) are temporary.
FINAL_CODES = frozenset(
    {
        "invalid_request",
        "invalid_update",
        "unauthenticated",
        "forbidden",
        "not_found",
        "conflict",
        "too_large",
        "unsupported_media_type",
    }
)
_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason without a full stop. `is_final`: every other try would fail for it too."""

    reason: str
    is_final: bool = False

    @property
    def sentence(self) -> str:
        """The reason as a sentence of its own; an address at its beginning keeps its case."""
        first = self.reason[:1] if self.reason.startswith(("http://", "https://")) else self.reason[:1].upper()
        return f"{first}{self.reason[1:]}."


def failed_answer(status: int, body: bytes | bytearray | None) -> Failure:
    """The hub's own refusal, or a proxy's page, which is temporary whatever its status: the hub may be restarting."""
    try:
        error = json.loads((body or b"")[:MAX_ANSWER_BYTES])["error"]
        return Failure(str(error["message"]).rstrip("."), str(error["code"]) in FINAL_CODES)
    except (ValueError, KeyError, TypeError, RecursionError):
        if b"HTTPS" in (body or b"")[:MAX_ANSWER_BYTES] and status in (400, 426, 497):
            return Failure(f"the server answered {status}, and expects https://", is_final=True)
        return Failure(f"the server answered {status}, and not as a hub does")


def failed_connection(error: Exception, url: str) -> Failure:
    """The failure of a connection to `url`, from what urllib, http.client, asyncio or websockets raised."""
    parts = urlsplit(url)
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message.rstrip(".")
        step = "use a name that it is for, or trust its issuer by SSL_CERT_FILE=FILE"
        return Failure(f"the certificate of {parts.hostname} is not valid here ({reason}); {step}", is_final=True)
    if isinstance(error, ssl.SSLError):
        if error.reason in _NOT_TLS:
            return Failure(f"the server does not speak https; try http://{parts.netloc}", is_final=True)
        return Failure(f"TLS failed ({error.reason or error})")
    if isinstance(error, InvalidProxy | ImportError):
        return Failure(f"the proxy of HTTP_PROXY, HTTPS_PROXY or ALL_PROXY can't be used ({error})", is_final=True)
    if isinstance(error, TimeoutError):
        return Failure("no answer in time")
    if isinstance(error, socket.gaierror):
        return Failure(f"the host {parts.hostname} is unknown")
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return Failure(os.strerror(error.errno))  # asyncio's own message repeats the address.
    return Failure(str(error) or type(error).__name__)
