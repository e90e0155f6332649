"""How the server ends a websocket: the close code tells a client whether to come back."""

from dataclasses import dataclass

from app.runtime.connections import Farewell


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Why the server ends a connection; the code tells a client whether to come back."""

    code: int
    reason: str


SLOW = Goodbye(1013, "too slow")
SHUTDOWN = Goodbye(1001, "the hub shuts down")
LOST = Goodbye(0, "nobody is there to hear it")
FAILED = Goodbye(1011, "something went wrong here; it was logged")
FAREWELLS: dict[Farewell, Goodbye] = {
    "shutdown": SHUTDOWN,
    "dead": Goodbye(4401, "the token no longer counts"),
}
