"""How a connection fails while the hub writes to it."""


class ClientGone(ConnectionError):
    """The client has left."""


class Stalled(ConnectionError):
    """The client has taken nothing for the send timeout."""
