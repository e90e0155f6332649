"""The answer to a request that is refused before any view: the same one that a view's refusal gets."""

from app.config import Settings
from app.transport.wire import Send
from app.web.http.call import Call
from app.web.http.errors import reply_to
from app.web.http.headers import answer_headers
from app.web.http.replies import Reply


async def refuse(settings: Settings, call: Call, send: Send, error: Exception) -> None:
    """Answer a request, or a handshake that was not accepted."""
    await answer(settings, call, send, reply_to(error, call))


async def answer(settings: Settings, call: Call, send: Send, reply: Reply) -> None:
    """Send the reply, with the headers of every answer."""
    headers = [*reply.all_headers, *answer_headers(settings, call)]
    kind = "http.response"
    if call.scope["type"] == "websocket":
        kind = "websocket.http.response"
        headers.append(("Connection", "close"))  # hypercorn does close then, and a client has to know.
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
    await send({"type": f"{kind}.start", "status": reply.status, "headers": encoded})
    await send({"type": f"{kind}.body", "body": b"" if call.method == "HEAD" else reply.body, "more_body": False})
