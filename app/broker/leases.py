"""Presence across processes: each stores its part in Redis under a lease, which expires if the process is killed."""

from collections.abc import Callable

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from app.broker.protocol import MAX_PRESENCE_NAMES, PresenceSnapshot

_NODES = b"tidewire:nodes"
_ALIVE = b"alive"  # A field of every part, so that the part of a process without watchers exists too.


class Leases:
    """One hash per process: channel id -> who watches it there. It expires after `lease` seconds unless renewed."""

    def __init__(
        self, redis: Redis, node: str, lease: float, everything_here: Callable[[], dict[int, PresenceSnapshot]]
    ) -> None:
        self._redis = redis
        self._node = node.encode()
        self._lease_ms = round(lease * 1000)
        self._everything_here = everything_here
        self._touched: set[int] = set()

    def touch(self, channel_id: int) -> None:
        """Mark this channel's part as changed; `write_touched` writes it."""
        self._touched.add(channel_id)

    def write_touched(self, pipeline: Pipeline, here: Callable[[int], PresenceSnapshot]) -> None:
        """Add the changed parts to the pipeline, before its other commands."""
        touched, self._touched = self._touched, set()
        for channel_id in touched:
            snapshot = here(channel_id)
            if snapshot.watching:
                pipeline.hset(self._key(self._node), b"%d" % channel_id, _encode(snapshot))
            else:
                pipeline.hdel(self._key(self._node), b"%d" % channel_id)

    async def renew(self) -> None:
        """Renew the lease; write the whole part when Redis does not have it, or has lost it."""
        key = self._key(self._node)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.sadd(_NODES, self._node)
        pipeline.hexists(key, _ALIVE)
        pipeline.pexpire(key, self._lease_ms)
        if not (await pipeline.execute())[1]:
            parts: list[bytes | bytearray | memoryview | str | int | float] = [_ALIVE, b"1"]
            for channel_id, snapshot in self._everything_here().items():
                parts += (b"%d" % channel_id, _encode(snapshot))
            await self._redis.hset(key, items=parts)
            await self._redis.pexpire(key, self._lease_ms)

    async def give_up(self) -> None:
        """Remove this process's part, when its watchers have ended."""
        await self._redis.delete(self._key(self._node))
        await self._redis.srem(_NODES, self._node)

    async def presence_snapshot(self, channel_id: int, here: PresenceSnapshot) -> PresenceSnapshot:
        """This process's part and those of the other processes whose lease is valid. Expired nodes are removed."""
        members = await self._redis.smembers(_NODES)
        nodes = [node for node in members if isinstance(node, bytes) and node != self._node]
        pipeline = self._redis.pipeline(transaction=False)
        for node in nodes:
            pipeline.hmget(self._key(node), [_ALIVE, b"%d" % channel_id])
        watching, names = here.watching, set(here.users)
        expired = []
        for node, (alive, part) in zip(nodes, await pipeline.execute(), strict=True):
            if alive is None:
                expired.append(node)
            elif part is not None:
                count, users = msgspec.json.decode(part, type=tuple[int, list[str]])
                watching += count
                names.update(users)
        if expired:
            await self._redis.srem(_NODES, *expired)
        return PresenceSnapshot(watching, tuple(sorted(names)[:MAX_PRESENCE_NAMES]))

    @staticmethod
    def _key(node: bytes) -> bytes:
        return b"tidewire:watchers:" + node


def _encode(snapshot: PresenceSnapshot) -> bytes:
    return msgspec.json.encode((snapshot.watching, snapshot.users[:MAX_PRESENCE_NAMES]))
