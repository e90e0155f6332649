"""Pages of the log for watchers: consecutive whatever the sizes, and few rows at a time where updates are large."""

from app.runtime.log_reader import LogReader
from tests.support.hub import ServedHub

UPDATES = "/api/v1/channels/ci/updates"


async def test_pages_follow_one_another_through_large_and_small_updates(hub: ServedHub) -> None:
    channel = await hub.channel("ci")
    for body in ("x" * 30_000, "x", "x", "x" * 30_000):
        for _ in range(4):
            answer = await hub.call("POST", UPDATES, json={"updates": [{"body": body}] * 25})
            assert answer.status == 201
    reader = LogReader(hub.services.db, max_updates=100, max_bytes=65_536)
    sizes: list[int] = []
    seqs: list[int] = []
    while page := await reader.read(channel.id, seqs[-1] if seqs else 0):
        if not page[1]:
            break
        seqs += [entry.seq for entry in page[1]]
        sizes.append(len(page[1]))

    assert seqs == list(range(1, 401))
    assert sizes[:34] == [3] * 33 + [8]  # Of what fills a page, twice as many rows are read the next time.
    assert sizes[34:38] == [16, 32, 64, 84]  # Of small updates there are soon as many as a page may have.
