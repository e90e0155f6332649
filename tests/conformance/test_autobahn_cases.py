"""The cases of the Autobahn test suite, the usual one for websockets, on echo endpoints inside the hub.

Left out are those that time messages over the hub's limit (parts of 9), and those on compression (12, 13), which the
hub declines. They run where kosoku is installed, a runner of these cases for current Python.
"""

import asyncio

import pytest

from tests.support.ports import HOST
from tests.support.process import HubProcess

kosoku = pytest.importorskip("kosoku")

CASES = {
    "framing": ["1.*"],
    "pings and pongs": ["2.*"],
    "reserved bits": ["3.*"],
    "opcodes": ["4.*"],
    "fragmentation": ["5.*"],
    "UTF-8": ["6.*"],
    "closing": ["7.*"],
    "messages of 64 KiB": ["9.1.1", "9.2.1"],
    "a thousand messages": ["9.7.1", "9.7.6", "9.8.1", "9.8.6"],
    "fragments by the server": ["10.*"],
}
NO_CODE = {"7.3.1"}  # The client's close frame has none, so the response has none.


@pytest.mark.parametrize("cases", CASES.values(), ids=CASES)
@pytest.mark.parametrize("path", ["/echo", "/echo/direct"])
async def test_the_autobahn_cases_pass(hub: HubProcess, path: str, cases: list[str]) -> None:
    """The runner raises when a case fails. In addition, every connection has to end with a close frame."""
    async with asyncio.timeout(50):
        results = await kosoku.run_fuzzingclient(f"ws://{HOST}:{hub.port}{path}", cases=cases, concurrency=4)

    assert results
    assert {result.case_id for result in results if result.remote_close_code is None} <= NO_CODE
