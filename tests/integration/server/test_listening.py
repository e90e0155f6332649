"""Where a hub's own process listens: a port with TLS, and a socket of the file system."""

import asyncio
import os
import signal
import socket
import ssl
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import trustme

from tests.support import ROOT
from tests.support.child import Child
from tests.support.command import CommandLine
from tests.support.ports import HOST, free_port
from tests.support.process import START_WITHIN, STOP_WITHIN, hub_process
from tests.support.talker import Talker
from tests.support.watcher import WS_PATH


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(path)) == 0


def serve(bind: str) -> list[str]:
    return [sys.executable, "-m", "app", "serve", "--bind", bind]


@pytest.fixture
def trust(tmp_path: Path) -> ssl.SSLContext:
    """Trusts the certificate that this wrote for a hub in `tmp_path`."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", HOST)
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def asked(port: int, trust: ssl.SSLContext, sent: bytes) -> tuple[bytes, str | None]:
    """Send it all, then read to the end, as a client does that knows nothing of events; and the version agreed on."""
    with (
        socket.create_connection((HOST, port), timeout=10) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(sent)
        answer = b""
        while received := connection.recv(65536):
            answer += received
        return answer, connection.selected_alpn_protocol()


async def test_tls_speaks_http_1_and_ends_in_good_order(tmp_path: Path, trust: ssl.SSLContext) -> None:
    port, plain = free_port(), free_port()
    files = 'certfile = "certificate.pem"\nkeyfile = "key.pem"\n'
    (tmp_path / "hypercorn.toml").write_text(f'{files}insecure_bind = ["{HOST}:{plain}"]\n')
    size = 8 * 2**20
    begun = f"POST /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode()
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with hub_process(
        tmp_path, {"TIDEWIRE_SEND_TIMEOUT": "1"}, port=plain, program=serve(f"{HOST}:{port}")
    ) as hub:
        for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["h2"], None)):
            trust.set_alpn_protocols(offered)
            for sent, status in ((last, b"200"), (begun, b"404"), (begun + b"x" * size, b"404")):
                answer, spoken = await asyncio.to_thread(asked, port, trust, sent)

                assert (answer[:12], spoken) == (b"HTTP/1.1 " + status, chosen)
    assert "ERROR" not in hub.log


async def test_a_shutdown_does_not_wait_for_clients_of_tls_that_leave_it_undone(
    tmp_path: Path, trust: ssl.SSLContext
) -> None:
    port, plain = free_port(), free_port()
    files = 'certfile = "certificate.pem"\nkeyfile = "key.pem"\nssl_handshake_timeout = 2\n'
    (tmp_path / "hypercorn.toml").write_text(f'{files}insecure_bind = ["{HOST}:{plain}"]\n')
    settings = {"TIDEWIRE_SEND_TIMEOUT": "1"}
    requests = [b"", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"]
    with ExitStack() as stack:
        async with hub_process(tmp_path, settings, port=plain, program=serve(f"{HOST}:{port}")) as hub:
            for sent in requests:
                idle = stack.enter_context(socket.create_connection((HOST, port), timeout=10))
                wrapped = await asyncio.to_thread(trust.wrap_socket, idle, server_hostname="localhost")
                stack.enter_context(wrapped).sendall(sent)
            stack.enter_context(socket.create_connection((HOST, port)))  # It never shakes hands.
            began = time.monotonic()
            status = await hub.stop()

    assert (status, time.monotonic() - began < 12) == (0, True)


async def test_a_socket_of_the_file_system_serves_publishers_websockets_and_streams(tmp_path: Path) -> None:
    path, url = tmp_path / "hub.sock", "http://localhost"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWIRE_")}
    hub = Child(serve(f"unix:{path}"), tmp_path / "log", cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)})
    await asyncio.to_thread(hub.start, partial(listens, path), within=START_WITHIN)
    try:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session:
            async with session.ws_connect(url + WS_PATH, protocols=["tidewire.v1"]) as websocket:
                talker = Talker(websocket)
                welcome = await talker.receive()
                await talker.send({"type": "subscribe", "ref": 1, "channel": "lobby"})
                await talker.receive_until("subscribed")
                async with session.post(f"{url}/lobby", data=b"hello") as published:
                    seq = (await published.json())["seq"]
                update = (await talker.receive_until("update"))[-1]
            async with session.get(f"{url}/lobby/json?after=0") as stream:
                line = await stream.content.readline()
        refused = await CommandLine(tmp_path / "second", {}).run("serve", "--bind", f"unix:{path}")
    finally:
        status = await asyncio.to_thread(hub.end, signal.SIGTERM, within=STOP_WITHIN)

    assert (refused.status, refused.err) == (1, f"Error: Can't listen on unix:{path}: another process does.\n")
    assert (welcome["type"], update["seq"], update["body"], status) == ("welcome", seq, "hello", 0)
    assert b'"hello"' in line
