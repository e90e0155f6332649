"""The forms of a batch on the wire: websocket frames, server-sent events, NDJSON, and HTTP chunks around them."""

from app.model.batch import Batch, Form


def text(batch: Batch) -> bytes:
    """A websocket's text message: one JSON object a line."""
    return b"\n".join([entry.json for entry in batch.entries])


def frame(batch: Batch) -> bytes:
    """The same message as it goes over the socket."""
    return text_frame(text(batch))


def ndjson(batch: Batch) -> bytes:
    """One JSON object a line, each ended by a newline."""
    return b"".join([entry.json + b"\n" for entry in batch.entries])


def sse(batch: Batch) -> bytes:
    """Server-sent events (WHATWG HTML, 9.2), each with the position as its id."""
    epoch = batch.epoch.encode()
    return b"".join(
        [b"event: update\nid: %s.%d\ndata: %s\n\n" % (epoch, entry.seq, entry.json) for entry in batch.entries]
    )


def ndjson_chunk(batch: Batch) -> bytes:
    """NDJSON as it goes over the socket."""
    return chunk(ndjson(batch))


def sse_chunk(batch: Batch) -> bytes:
    """Server-sent events as they go over the socket."""
    return chunk(sse(batch))


CHUNKED: dict[Form, Form] = {ndjson: ndjson_chunk, sse: sse_chunk}


def text_frame(message: bytes) -> bytes:
    """A whole text message in one frame, unmasked as a server's are and uncompressed (RFC 6455, 5.2; RFC 7692, 6)."""
    size = len(message)
    if size < 126:
        return b"\x81%c%b" % (size, message)
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2) + message
    return b"\x81\x7f" + size.to_bytes(8) + message


def chunk(body: bytes) -> bytes:
    """A part of an HTTP/1.1 body whose length is not known (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(body), body)
