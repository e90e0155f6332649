"""Which failure ends a client: the hub's own refusals, and what another try can't change."""

import json
import re
import socket
import ssl
import urllib.error

import pytest
from websockets.exceptions import InvalidProxy

from app.cli.client.failures import Failure, failed_answer, failed_connection

PAGE = b"<html><h1>Not the hub</h1></html>"


def refusal(code: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": "Why.", "request_id": "1"}}).encode()


@pytest.mark.parametrize("code", ["invalid_request", "invalid_update", "unauthenticated", "forbidden", "not_found"])
def test_a_refusal_of_the_hub_is_final(code: str) -> None:
    assert failed_answer(404, refusal(code)) == Failure("Why", is_final=True)


@pytest.mark.parametrize("code", ["rate_limited", "unavailable", "internal", "of a newer hub"])
def test_a_refusal_for_now_is_not(code: str) -> None:
    assert failed_answer(503, refusal(code)) == Failure("Why")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 520, 524, 530])
@pytest.mark.parametrize("body", [PAGE, b"", None, b"[]", b'{"error": "text"}', b'{"error": {"message": 1}}', b"\xff"])
def test_a_proxys_page_is_never_final(status: int, body: bytes | None) -> None:
    assert failed_answer(status, body) == Failure(f"the server answered {status}, and not as a hub does")


def test_a_servers_hint_at_https_is_final() -> None:
    page = b"<h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port"

    assert failed_answer(400, page) == Failure("the server answered 400, and expects https://", is_final=True)


def certificate_error(reason: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = reason
    return error


def ssl_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "reason", "is_final"),
    [
        (certificate_error("self-signed certificate"), "the certificate of hub.example is not valid here", True),
        (urllib.error.URLError(certificate_error("certificate has expired")), r"\(certificate has expired\)", True),
        (InvalidProxy("proxy:3128", "scheme isn't supported"), "the proxy of HTTP_PROXY", True),
        (ImportError("python-socks is required"), "the proxy of HTTP_PROXY", True),
        (socket.gaierror(-2, "Name or service not known"), "the host hub.example is unknown", False),
        (ssl_error("WRONG_VERSION_NUMBER"), "does not speak https; try http://hub.example", True),
        (ssl_error("TLSV1_ALERT_INTERNAL_ERROR"), "TLS failed", False),
        (urllib.error.URLError(ConnectionRefusedError(111, "x")), "Connection refused", False),
        (TimeoutError(), "no answer in time", False),
    ],
)
def test_a_connection_that_fails_says_why(error: Exception, reason: str, is_final: bool) -> None:
    failure = failed_connection(error, "https://hub.example/")

    assert failure.is_final is is_final
    assert re.search(reason, failure.reason)
