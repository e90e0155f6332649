"""The least that hypercorn can be asked: an ASGI application that keeps nothing and looks at nothing."""

from typing import Any

_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers a POST with 201 and each message of a websocket with one, whatever they say."""
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 201, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": b"{}"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "tidewire.v1"})
        await send({"type": "websocket.send", "text": '{"type":"welcome"}'})
        while (message := await receive())["type"] == "websocket.receive":
            kind = "published" if '"publish"' in message["text"] else "subscribed"
            await send({"type": "websocket.send", "text": f'{{"type":"{kind}"}}'})
