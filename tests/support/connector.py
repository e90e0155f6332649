"""A connector of aiohttp whose close waits for its sockets, so that a test leaves none to the garbage collector."""

import asyncio
import socket
import ssl
import time

import aiohttp

_WITHIN_S = 5


class Connector(aiohttp.TCPConnector):
    """aiohttp's own close does not wait for a TLS connection that is already being closed, which takes a round trip."""

    def __init__(self, trust: ssl.SSLContext | bool = True) -> None:
        super().__init__(ssl=trust, socket_factory=self._new)
        self._sockets: list[socket.socket] = []

    async def close(self, *, abort_ssl: bool = False) -> None:
        await super().close(abort_ssl=abort_ssl)
        deadline = time.monotonic() + _WITHIN_S
        while any(each.fileno() != -1 for each in self._sockets):
            assert time.monotonic() < deadline, f"a connection is not closed within {_WITHIN_S} s"
            await asyncio.sleep(0.001)

    def _new(self, address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, *_ = address
        created = socket.socket(family, kind, protocol)
        created.setblocking(False)
        self._sockets = [each for each in self._sockets if each.fileno() != -1] + [created]
        return created
