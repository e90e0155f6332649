"""The broker over Redis pub/sub: hints and announcements between processes, and leases for their presence.

Redis may fail, be flushed, or stop delivering without an error; the poll of the log makes up for it.
"""

import asyncio
import secrets
from collections import deque
from typing import Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.broker import hint_codec
from app.broker.leases import Leases
from app.broker.protocol import Hint, Listener, PresenceSnapshot
from app.broker.redis_outage import OUTAGES, OutageLog, backoff, cause_of
from app.broker.redis_subscription import Subscription
from app.config import ConfigError, Settings
from app.errors import Unavailable
from app.tasks import TaskScope

_CONTROL = b"tidewire:control"
_ACCESS = b"access"
_PRESENCE = b"presence "
MAX_OUTBOX_BYTES = 8 * 2**20  # Waiting for Redis. Beyond them hints are dropped, and the log is read instead.
MAX_PIPELINE = 500


class RedisBroker:
    """One connection publishes, one is subscribed, and a probe detects when the second delivers nothing."""

    def __init__(self, settings: Settings) -> None:
        assert settings.redis_url is not None
        # A connection that failed while it was idle fails at its next command, which is sent again at once: a doubled
        # hint is harmless. The subscriber must not reconnect by itself, or missed hints would go unnoticed.
        self._redis = _client(settings.redis_url, tries_again=1)
        self._subscriber = _client(settings.redis_url, tries_again=0)
        self._node = secrets.token_hex(6)
        probe = b"tidewire:probe:" + self._node.encode()
        self._leases = Leases(self._redis, self._node, settings.presence_lease, self._everything_here)
        self._tasks = TaskScope()
        self._outages = OutageLog()
        self._settings = settings
        self._listener: Listener | None = None
        self._subscription = Subscription(
            self._subscriber,
            (_CONTROL,),
            probe,
            settings.poll_interval,
            send_probe=lambda: self._put(probe, b""),
            receive=self._receive,
            missed=self._missed,
            failed=self._outages.failed,
        )
        self._outbox: deque[tuple[bytes, bytes]] = deque()
        self._outbox_bytes = 0
        self._work = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._send_all(), "redis: send")
        self._tasks.spawn(self._subscription.run(), "redis: receive")
        self._tasks.spawn(self._keep_leases(), "redis: leases")
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._tasks.__aexit__(None, None, None)
        try:
            async with asyncio.timeout(2):
                await self._leases.give_up()
        except OUTAGES:
            pass  # The leases expire.
        await self._subscriber.aclose()
        await self._redis.aclose()

    def attach(self, listener: Listener) -> None:
        """Set the listener."""
        self._listener = listener

    def announce(self, hint: Hint) -> None:
        """Queue the hint to be sent."""
        self._put(hint_codec.topic(hint.channel_id), hint_codec.encode(self._node, hint))

    def announce_access_changed(self) -> None:
        """Queue the announcement to be sent."""
        self._put(_CONTROL, _ACCESS)

    def announce_presence_changed(self, channel_id: int) -> None:
        """Queue the announcement; this process's part is written before it is sent."""
        self._leases.touch(channel_id)
        self._put(_CONTROL, _PRESENCE + b"%d" % channel_id)

    async def listen(self, channel_id: int) -> None:
        """Subscribe, and wait at most a second for Redis to confirm. Without it the reconciler finds what is missed."""
        await self._subscription.add(channel_id)

    def ignore(self, channel_id: int) -> None:
        """Queue the unsubscription."""
        self._subscription.drop(channel_id)

    async def presence_snapshot(self, channel_id: int, here: PresenceSnapshot) -> PresenceSnapshot:
        """The parts of all processes; only this one's while Redis can't be reached."""
        try:
            async with asyncio.timeout(2):
                return await self._leases.presence_snapshot(channel_id, here)
        except OUTAGES:
            return here

    async def ping(self) -> None:
        """Raises Unavailable when Redis does not answer."""
        try:
            async with asyncio.timeout(2):
                await self._redis.ping()
        except OUTAGES as error:
            raise Unavailable("Redis can't be reached.", retry_after=1, cause=cause_of(error)) from error

    def _everything_here(self) -> dict[int, PresenceSnapshot]:
        return self._listener.everything_here() if self._listener is not None else {}

    def _here(self, channel_id: int) -> PresenceSnapshot:
        return self._listener.here(channel_id) if self._listener is not None else PresenceSnapshot(0, ())

    def _put(self, topic: bytes, message: bytes) -> None:
        if self._outbox_bytes + len(message) <= MAX_OUTBOX_BYTES:
            self._outbox.append((topic, message))
            self._outbox_bytes += len(message)
            self._work.set()

    async def _send_all(self) -> None:
        """Send what is queued, in one round trip each time; drop it when Redis can't be reached."""
        tries = 0
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                while self._outbox:
                    await self._send_some()
                tries = 0
            except Exception as error:
                self._outages.failed("Redis did not accept hints", error)
                self._outbox.clear()  # The poll finds these updates before Redis is back.
                self._outbox_bytes = 0
                tries += 1
                await asyncio.sleep(backoff(tries))
                self._work.set()

    async def _send_some(self) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        self._leases.write_touched(pipeline, self._here)
        for _ in range(min(len(self._outbox), MAX_PIPELINE)):
            topic, message = self._outbox.popleft()
            self._outbox_bytes -= len(message)
            pipeline.publish(topic, message)
        await pipeline.execute()

    def _receive(self, topic: bytes, data: bytes) -> None:
        if self._listener is None:
            return
        if topic != _CONTROL:
            hint = hint_codec.decode(self._node, topic, data)
            if hint is not None:
                self._listener.on_hint(hint)
        elif data == _ACCESS:
            self._listener.on_access_changed()
        elif data.startswith(_PRESENCE) and data[len(_PRESENCE) :].isdigit():
            self._listener.on_presence_changed(int(data[len(_PRESENCE) :]))

    def _missed(self) -> None:
        """Announcements may have been missed: reconcile."""
        if self._listener is not None:
            self._listener.on_access_changed()

    async def _keep_leases(self) -> None:
        """Renew this process's leases three times in their length."""
        while True:
            try:
                async with asyncio.timeout(2):
                    await self._leases.renew()
            except Exception as error:
                self._outages.failed("Redis did not accept leases", error)
            await asyncio.sleep(self._settings.presence_lease / 3)


def _client(url: str, *, tries_again: int) -> Redis:
    """A client whose waits are all bounded, so that a Redis that does not answer blocks no task. Raises ConfigError for
    a URL that can't be used; no part of it is repeated."""
    try:
        client = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2, retry=Retry(NoBackoff(), tries_again))
        client.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # It does not connect yet, but checks the parameters.
    except (TypeError, ValueError, RedisError):
        raise ConfigError(
            "TIDEWIRE_REDIS_URL has a port, a path or a parameter that Redis' client can't use."
        ) from None
    return client
