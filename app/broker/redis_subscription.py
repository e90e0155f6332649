"""What this process receives from Redis: one subscribed connection, replaced when it fails or delivers nothing.

Pub/sub can stop delivering without an error, so the subscription is probed: the broker publishes to a topic of this
process's own, and when no probe is received the connection is replaced.
"""

import asyncio
from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from app.broker import hint_codec
from app.broker.redis_outage import backoff

LISTEN_TIMEOUT_S = 1.0
MAX_MISSED_PROBES = 3


class Subscription:
    """The control topic, this process's probe, and the topics of the channels that are watched here."""

    def __init__(
        self,
        redis: Redis,
        always: tuple[bytes, ...],
        probe: bytes,
        every: float,
        *,
        send_probe: Callable[[], None],
        receive: Callable[[bytes, bytes], None],
        missed: Callable[[], None],
        failed: Callable[[str, Exception], None],
    ) -> None:
        """`every` is the interval between two probes, in seconds. `receive` is called with topic and message of all
        but the probe; `missed` is called when something may have been missed, `failed` with what failed and why."""
        self._redis = redis
        self._always = always
        self._probe = probe
        self._every = every
        self._send_probe = send_probe
        self._receive = receive
        self._missed = missed
        self._failed = failed
        self._wanted: dict[int, asyncio.Future[None]] = {}
        self._to_add: set[int] = set()
        self._to_drop: set[int] = set()
        self._changed = asyncio.Event()
        self._connected = False
        self._last_probe = 0.0

    async def add(self, channel_id: int) -> None:
        """Receive this channel's hints. Waits at most a second for Redis to confirm; without it the reconciler finds
        what is missed."""
        confirmed = self._wanted.get(channel_id)
        if confirmed is None:
            confirmed = self._wanted[channel_id] = asyncio.get_running_loop().create_future()
            self._to_drop.discard(channel_id)
            self._to_add.add(channel_id)
            self._changed.set()
        if self._connected and not confirmed.done():
            await asyncio.wait([confirmed], timeout=LISTEN_TIMEOUT_S)

    def drop(self, channel_id: int) -> None:
        """Stop receiving this channel's hints, soon."""
        if self._wanted.pop(channel_id, None) is not None:
            self._to_add.discard(channel_id)
            self._to_drop.add(channel_id)
            self._changed.set()

    async def run(self) -> None:
        """Stay subscribed until cancelled."""
        tries = 0
        while True:
            try:
                async with asyncio.TaskGroup() as group, self._redis.pubsub() as pubsub:
                    self._to_add.clear()
                    self._to_drop.clear()
                    # The probe is last: when it is confirmed, everything before it is.
                    await pubsub.subscribe(*self._always, *map(hint_codec.topic, self._wanted), self._probe)
                    self._connected = True
                    self._last_probe = asyncio.get_running_loop().time()
                    group.create_task(self._watch_probe())
                    group.create_task(self._apply_changes(pubsub))
                    tries = 0
                    while True:
                        self._take(await pubsub.get_message(timeout=None))
            except* Exception as errors:
                self._failed("Redis sends no hints", errors.exceptions[0])
            self._connected = False
            self._missed()
            tries += 1
            await asyncio.sleep(backoff(tries))

    async def _apply_changes(self, pubsub: PubSub) -> None:
        while True:
            add, self._to_add = self._to_add, set()
            drop, self._to_drop = self._to_drop, set()
            if add:
                await pubsub.subscribe(*map(hint_codec.topic, add))
            if drop:
                await pubsub.unsubscribe(*map(hint_codec.topic, drop))
            if not self._to_add and not self._to_drop:
                self._changed.clear()
                await self._changed.wait()

    async def _watch_probe(self) -> None:
        """Raises TimeoutError when the subscription delivers nothing: Redis accepts the probes and returns none."""
        loop = asyncio.get_running_loop()
        while True:
            self._send_probe()
            await asyncio.sleep(self._every)
            if loop.time() - self._last_probe > MAX_MISSED_PROBES * self._every:
                raise TimeoutError("the subscription delivers nothing")

    def _take(self, message: dict[str, object] | None) -> None:
        if message is None:
            return
        topic, data = message["channel"], message["data"]
        assert isinstance(topic, bytes)
        if message["type"] == "subscribe":
            self._confirm(topic)
        elif message["type"] == "message" and isinstance(data, bytes):
            if topic == self._probe:
                self._last_probe = asyncio.get_running_loop().time()
            else:
                self._receive(topic, data)

    def _confirm(self, topic: bytes) -> None:
        if topic == self._probe:
            self._missed()  # Everything announced before this was missed.
        channel_id = hint_codec.channel_of(topic)
        confirmed = self._wanted.get(channel_id) if channel_id is not None else None
        if confirmed is not None and not confirmed.done():
            confirmed.set_result(None)
