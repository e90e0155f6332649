"""The hub's protocol for the load generator: authorised websockets, HTTP streams, and the ways to publish."""

from benchmarks.generator.driver import Field
from benchmarks.server import BATCHES, FULL_FRAMES, PACKED_WRITES, REQUESTS, WEBSOCKET, PublishMode, padded

CHANNEL = "bench"  # Private; a member's token reads and publishes.
UPDATE = '{"body":"{pad}","data":{"n":{n},"ts":{ts}}}'
_REQUEST_CONNECTIONS = 16
_UNANSWERED_PUBLISHES = 1000


def authorization(token: str) -> Field:
    """The Authorization header."""
    return ("header", f"Authorization: Bearer {token}")


def subscriber(token: str) -> tuple[Field, ...]:
    """A websocket that subscribes to the channel from now on."""
    return (
        *websocket(token),
        ("first", f'{{"type":"subscribe","channel":"{CHANNEL}"}}'),
        ("ready", '"type":"subscribed"'),
    )


def websocket(token: str | None) -> tuple[Field, ...]:
    """A websocket without a subscription that offers compression, as browsers do; anonymous without a token."""
    return (
        ("kind", "websocket"),
        ("path", "/api/v1/ws"),
        *([authorization(token)] if token else []),
        ("header", "Sec-WebSocket-Protocol: tidewire.v1"),
        ("deflate", 1),
        ("seqs", 1),
    )


def stream(token: str, media_type: str) -> tuple[Field, ...]:
    """An HTTP stream of that media type."""
    path = f"/api/v1/channels/{CHANNEL}/stream"
    return (
        ("kind", "stream"),
        ("path", path),
        authorization(token),
        ("header", f"Accept: {media_type}"),
        ("seqs", 1),
    )


def publish_modes(token: str) -> dict[str, PublishMode]:
    """Every way to publish to a hub."""
    item = padded(UPDATE)
    post: tuple[Field, ...] = (
        ("kind", "http"),
        ("path", f"/api/v1/channels/{CHANNEL}/updates"),
        authorization(token),
    )
    connect = (*websocket(token), ("ready", '"type":"welcome"'), ("ack", '"type":"published"'))
    message = f'{{"type":"publish","ref":1,"channel":"{CHANNEL}","update":{item}}}'
    messages: tuple[Field, ...] = (("item", message), ("window", _UNANSWERED_PUBLISHES), PACKED_WRITES)
    return {
        WEBSOCKET: PublishMode(connect, messages),
        FULL_FRAMES: PublishMode(connect, (*messages, ("between", "\n"), ("batch", 10))),
        BATCHES: PublishMode(
            (("count", 2), *post),
            (("item", item), ("head", '{"updates":['), ("between", ","), ("tail", "]}"), ("batch", 100), PACKED_WRITES),
        ),
        REQUESTS: PublishMode((("count", _REQUEST_CONNECTIONS), *post), (("item", item), PACKED_WRITES)),
    }
