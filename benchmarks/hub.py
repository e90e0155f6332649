"""How a hub is spoken to: authorised websockets, and the three ways to publish to it."""

from benchmarks.contestant import BATCHES, FULL_FRAMES, PACKS, REQUESTS, WEBSOCKET, Way, padded
from benchmarks.generator.driver import Field

CHANNEL = "bench"  # Private; a token of a member reads and publishes.
UPDATE = '{"body":"{pad}","data":{"n":{n},"ts":{ts}}}'
_CALLERS = 16  # Connections that publish by single requests.
_WINDOW = 1000


def authorised(token: str) -> Field:
    """The header of every connection."""
    return ("header", f"Authorization: Bearer {token}")


def watching(token: str) -> tuple[Field, ...]:
    """A websocket that offers compression, as browsers do, and subscribes from now on."""
    return (
        *connected(token),
        ("first", f'{{"type":"subscribe","channel":"{CHANNEL}"}}'),
        ("ready", '"type":"subscribed"'),
    )


def connected(token: str | None) -> tuple[Field, ...]:
    """The same without a subscription; anonymous without a token."""
    return (
        ("kind", "websocket"),
        ("path", "/api/v1/ws"),
        *([authorised(token)] if token else []),
        ("header", "Sec-WebSocket-Protocol: tidewire.v1"),
        ("deflate", 1),
        ("seqs", 1),
    )


def streaming(token: str, accept: str) -> tuple[Field, ...]:
    """An HTTP stream of that media type."""
    path = f"/api/v1/channels/{CHANNEL}/stream"
    return (("kind", "stream"), ("path", path), authorised(token), ("header", f"Accept: {accept}"), ("seqs", 1))


def publishing(token: str, update: str = UPDATE, size: int | None = None) -> dict[str, Way]:
    """Each way, for updates of `size` bytes."""
    item = padded(update, size) if size else padded(update)
    post: tuple[Field, ...] = (
        ("kind", "http"),
        ("path", f"/api/v1/channels/{CHANNEL}/updates"),
        authorised(token),
    )
    message = f'{{"type":"publish","ref":1,"channel":"{CHANNEL}","update":{item}}}'
    ready: tuple[Field, ...] = (("ready", '"type":"welcome"'), ("ack", '"type":"published"'))
    return {
        WEBSOCKET: Way((*connected(token), *ready), (("item", message), ("window", _WINDOW), PACKS)),
        FULL_FRAMES: Way(
            (*connected(token), *ready),
            (("item", message), ("between", "\n"), ("batch", 10), ("window", _WINDOW), PACKS),
        ),
        BATCHES: Way(
            (("count", 2), *post),
            (("item", item), ("head", '{"updates":['), ("between", ","), ("tail", "]}"), ("batch", 100), PACKS),
        ),
        REQUESTS: Way((("count", _CALLERS), *post), (("item", item), PACKS)),
    }
