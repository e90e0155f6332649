"""How many files one update passes from the socket to the log, and that the architecture's page names each of them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType

from app.config import Settings
from tests.support import ROOT
from tests.support.hub import serving

APP = str(ROOT / "app")
AT_MOST = 18


@contextmanager
def files_entered() -> Iterator[list[str]]:
    """The files of app/ whose code runs within the block, in whatever thread, in order."""
    found: list[str] = []

    def note(code: CodeType, offset: int) -> None:
        if code.co_filename.startswith(APP) and code.co_filename not in found:
            found.append(code.co_filename)

    tool, monitoring = sys.monitoring.PROFILER_ID, sys.monitoring
    monitoring.use_tool_id(tool, "files")
    monitoring.register_callback(tool, monitoring.events.PY_START, note)
    monitoring.set_events(tool, monitoring.events.PY_START)
    try:
        yield found
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


async def test_an_update_passes_few_files_and_each_stands_on_the_page(settings_sqlite: Settings) -> None:
    as_curl = {"Content-Type": "application/x-www-form-urlencoded"}
    passed: list[list[str]] = []
    async with serving(settings_sqlite) as hub:
        await hub.channel("ci")
        for _ in range(4):
            with files_entered() as found:
                answer = await hub.call("POST", "/ci", data=b"hello", headers=as_curl)
            assert answer.status == 201
            passed.append([str(Path(each).relative_to(ROOT)) for each in found])
    files = min(passed, key=len)  # The first prepares what is done once, and a job of the hub's may run meanwhile.
    to_the_log = files[: files.index("app/live/hub.py")]  # Where what is committed goes next.
    page = (ROOT / "docs" / "architecture.md").read_text()
    way = page.partition("## The way of one update")[2].partition("\n## ")[0]

    assert "app/store/log/sqlite.py" in to_the_log
    assert len(to_the_log) <= AT_MOST, to_the_log
    assert [each for each in to_the_log if f"`{each}`" not in way] == []
