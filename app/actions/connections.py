"""The websockets and streams open in this process: counted, and told when they must end."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

from app.errors import Unavailable
from app.model.access import Principal

type Farewell = Literal["shutdown", "dead"]


class Connections:
    """Who is connected, and how to tell each that it is over."""

    def __init__(self, most: int) -> None:
        self._open: dict[Callable[[Farewell], None], Principal] = {}
        self._most = most
        self.closing = False

    @contextmanager
    def register(self, who: Principal, say: Callable[[Farewell], None]) -> Iterator[None]:
        """Hold a connection; `say` is called when it must end. Raises Unavailable at the bound or the end."""
        if self.closing or len(self._open) >= self._most:
            raise Unavailable("This hub takes no more connections now; try again.", retry_after=2)
        self._open[say] = who
        try:
            yield
        finally:
            del self._open[say]

    def principals(self) -> set[Principal]:
        """Everybody who is connected."""
        return set(self._open.values())

    def end(self, dead: Iterable[Principal]) -> None:
        """The sessions or tokens of these are dead."""
        gone = set(dead)
        for say, who in tuple(self._open.items()):
            if who in gone:
                say("dead")

    def shut_down(self) -> None:
        """No new ones, and an end to all there are."""
        self.closing = True
        for say in tuple(self._open):
            say("shutdown")
