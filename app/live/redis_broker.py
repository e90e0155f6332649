"""The broker over Redis pub/sub: hints and announcements between processes, and leases that say who watches where.

Everything here may fail, be flushed or go deaf without an error; the poll of the log makes up for it.
"""

import asyncio
import logging
import random
import secrets
from collections import deque
from typing import Self

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.config import Settings
from app.errors import Unavailable
from app.live import hint_codec
from app.live.broker import Census, Hint, Listener
from app.live.leases import Leases
from app.tasks import TaskScope

log = logging.getLogger("tidewire.redis")

_CONTROL = b"tidewire:control"
_ACCESS = b"access"
_PRESENCE = b"presence "
_OUTBOX_BYTES = 8 * 2**20  # Waiting for Redis at most; what comes beyond is dropped and the log is read instead.
_SENT_AT_ONCE = 500
_LISTEN_WAIT = 1.0
_TROUBLE = (RedisError, OSError, TimeoutError, asyncio.IncompleteReadError)


class RedisBroker:
    """One connection that publishes, one that is subscribed, and a probe that notices when the second hears nothing."""

    def __init__(self, settings: Settings) -> None:
        assert settings.redis_url is not None
        # Bounded waits everywhere: a Redis that swallows what it is sent must not hold anyone up.
        self._redis = Redis.from_url(
            settings.redis_url,
            socket_timeout=5,
            socket_connect_timeout=2,
            retry=Retry(NoBackoff(), 0),  # Trying again is done here, where it is known what was missed meanwhile.
        )
        self._node = secrets.token_hex(6)
        self._probe = b"tidewire:probe:" + self._node.encode()
        self._leases = Leases(self._redis, self._node, settings.presence_lease, self._everything_here)
        self._tasks = TaskScope()
        self._settings = settings
        self._listener: Listener | None = None
        self._wanted: dict[int, asyncio.Future[None]] = {}
        self._to_subscribe: set[int] = set()
        self._to_unsubscribe: set[int] = set()
        self._pubsub: PubSub | None = None
        self._outbox: deque[tuple[bytes, bytes]] = deque()
        self._outbox_bytes = 0
        self._work = asyncio.Event()
        self._heard = 0.0

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._send_all(), "redis: send")
        self._tasks.spawn(self._hear_all(), "redis: hear")
        self._tasks.spawn(self._keep_leases(), "redis: leases")
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._tasks.__aexit__(None, None, None)
        try:
            async with asyncio.timeout(2):
                await self._leases.give_up()
        except _TROUBLE:
            pass  # They end by themselves.
        await self._redis.aclose()

    def attach(self, listener: Listener) -> None:
        """Whom to tell."""
        self._listener = listener

    def announce(self, hint: Hint) -> None:
        """Tell the others, soon."""
        self._put(hint_codec.topic(hint.channel_id), hint_codec.encode(self._node, hint))

    def announce_access_changed(self) -> None:
        """Tell the others, soon."""
        self._put(_CONTROL, _ACCESS)

    def announce_presence_changed(self, channel_id: int) -> None:
        """Write this process's part first, then tell the others."""
        self._leases.touch(channel_id)
        self._put(_CONTROL, _PRESENCE + b"%d" % channel_id)

    async def listen(self, channel_id: int) -> None:
        """Subscribe; waits for Redis to confirm, but for no longer than a second: then the poll has to do."""
        confirmed = self._wanted.get(channel_id)
        if confirmed is None:
            confirmed = self._wanted[channel_id] = asyncio.get_running_loop().create_future()
            self._to_unsubscribe.discard(channel_id)
            self._to_subscribe.add(channel_id)
            self._work.set()
        if self._pubsub is not None and not confirmed.done():
            await asyncio.wait([confirmed], timeout=_LISTEN_WAIT)

    def ignore(self, channel_id: int) -> None:
        """Unsubscribe, soon."""
        if self._wanted.pop(channel_id, None) is not None:
            self._to_subscribe.discard(channel_id)
            self._to_unsubscribe.add(channel_id)
            self._work.set()

    async def census(self, channel_id: int, here: Census) -> Census:
        """All processes' parts; this one's alone while Redis can't be asked."""
        try:
            async with asyncio.timeout(2):
                return await self._leases.census(channel_id, here)
        except _TROUBLE:
            return here

    async def ping(self) -> None:
        """Raises Unavailable when Redis does not answer."""
        try:
            async with asyncio.timeout(2):
                await self._redis.ping()
        except _TROUBLE as error:
            raise Unavailable("Redis can't be reached.", retry_after=1) from error

    def _everything_here(self) -> dict[int, Census]:
        return self._listener.everything_here() if self._listener is not None else {}

    def _here(self, channel_id: int) -> Census:
        return self._listener.here(channel_id) if self._listener is not None else Census(0, ())

    def _put(self, topic: bytes, message: bytes) -> None:
        if self._outbox_bytes + len(message) <= _OUTBOX_BYTES:
            self._outbox.append((topic, message))
            self._outbox_bytes += len(message)
            self._work.set()

    async def _send_all(self) -> None:
        """Send what waits, in one round trip each time; drop it when Redis can't be reached."""
        tries = 0
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._subscribe_pending()
                while self._outbox:
                    await self._send_some()
                tries = 0
            except Exception as error:
                _tell("Redis took no hints", error)
                self._outbox.clear()  # Until Redis is back the poll will have found them.
                self._outbox_bytes = 0
                tries += 1
                await asyncio.sleep(_backoff(tries))
                self._work.set()

    async def _send_some(self) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        self._leases.write_touched(pipeline, self._here)
        for _ in range(min(len(self._outbox), _SENT_AT_ONCE)):
            topic, message = self._outbox.popleft()
            self._outbox_bytes -= len(message)
            pipeline.publish(topic, message)
        await pipeline.execute()

    async def _subscribe_pending(self) -> None:
        pubsub = self._pubsub
        if pubsub is None:
            return  # The next connection subscribes to all that is wanted.
        add, self._to_subscribe = self._to_subscribe, set()
        drop, self._to_unsubscribe = self._to_unsubscribe, set()
        if add:
            await pubsub.subscribe(*[hint_codec.topic(each) for each in add])
        if drop:
            await pubsub.unsubscribe(*[hint_codec.topic(each) for each in drop])

    async def _hear_all(self) -> None:
        """Stay subscribed: connect again after every failure, and when nothing is heard though there should be."""
        tries = 0
        while True:
            try:
                async with asyncio.TaskGroup() as group, self._redis.pubsub() as pubsub:
                    self._to_subscribe.clear()
                    self._to_unsubscribe.clear()
                    wanted = [hint_codec.topic(each) for each in self._wanted]
                    await pubsub.subscribe(_CONTROL, *wanted, self._probe)
                    self._pubsub = pubsub
                    self._work.set()  # For what was asked for while this connection was made.
                    self._heard = asyncio.get_running_loop().time()
                    group.create_task(self._listen_for_probe())
                    tries = 0
                    while True:
                        self._take(await pubsub.get_message(timeout=None))
            except* Exception as errors:
                _tell("Redis is not heard", errors.exceptions[0])
            self._pubsub = None
            self._alarm()  # What was announced meanwhile is unknown: look at everything once.
            tries += 1
            await asyncio.sleep(_backoff(tries))

    async def _listen_for_probe(self) -> None:
        """Raises TimeoutError when the subscription has gone deaf: Redis takes what we send and we hear none of it."""
        loop = asyncio.get_running_loop()
        every = self._settings.poll_interval
        while True:
            self._put(self._probe, b"")
            await asyncio.sleep(every)
            if loop.time() - self._heard > 3 * every:
                raise TimeoutError("the subscription has gone deaf")

    def _take(self, message: dict[str, object] | None) -> None:
        if message is None or self._listener is None:
            return
        topic, data = message["channel"], message["data"]
        assert isinstance(topic, bytes)
        if message["type"] == "subscribe":
            self._confirm(topic)
        elif message["type"] != "message" or not isinstance(data, bytes):
            return
        elif topic == self._probe:
            self._heard = asyncio.get_running_loop().time()
        elif topic != _CONTROL:
            hint = hint_codec.decode(self._node, topic, data)
            if hint is not None:
                self._listener.on_hint(hint)
        elif data == _ACCESS:
            self._listener.on_access_changed()
        elif data.startswith(_PRESENCE) and data[len(_PRESENCE) :].isdigit():
            self._listener.on_presence_changed(int(data[len(_PRESENCE) :]))

    def _confirm(self, topic: bytes) -> None:
        if topic == self._probe:
            self._alarm()  # The last of those subscribed to together: what was announced until now went unheard.
        channel_id = hint_codec.channel_of(topic)
        confirmed = self._wanted.get(channel_id) if channel_id is not None else None
        if confirmed is not None and not confirmed.done():
            confirmed.set_result(None)

    def _alarm(self) -> None:
        if self._listener is not None:
            self._listener.on_access_changed()

    async def _keep_leases(self) -> None:
        """Renew this process's leases thrice in their length."""
        while True:
            try:
                async with asyncio.timeout(2):
                    await self._leases.renew()
            except Exception as error:
                _tell("Redis took no leases", error)
            await asyncio.sleep(self._settings.presence_lease / 3)


def _tell(what: str, error: Exception) -> None:
    """An outage is one line; what we did not foresee is logged whole. Neither ends the loop it happened in."""
    if isinstance(error, _TROUBLE):
        log.warning("%s: %s", what, error)
    else:
        log.error(what, exc_info=error)


def _backoff(tries: int) -> float:
    """Seconds until the next try: up to 5, jittered, so that a fleet does not come back in step."""
    return min(5.0, 0.1 * 2.0 ** min(tries, 8)) * random.uniform(0.5, 1.0)
