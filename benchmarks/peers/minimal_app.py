"""A minimal ASGI application: it stores nothing and parses nothing, so its cost is the server's own."""

from typing import Any

_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Respond to every POST with 201 and to every websocket message with one message."""
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
