"""The websockets and streams open in this process: counted, and told when they must end."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from app.errors import Unavailable
from app.model.access import Principal

type Farewell = Literal["shutdown", "dead"]


class Connections:
    """Who is connected, and how to tell each that it is over."""

    def __init__(self, most: int) -> None:
        self._open: dict[Callable[[Farewell], None], Principal] = {}
        self._most = most
        self._emptied = asyncio.Event()
        self.closing = False

    @contextmanager
    def register(self, who: Principal, say: Callable[[Farewell], None]) -> Iterator[None]:
        """As `add`, for as long as it is entered."""
        self.add(who, say)
        try:
            yield
        finally:
            self.remove(say)

    def add(self, who: Principal, say: Callable[[Farewell], None]) -> None:
        """Hold a connection; `say` is called when it must end. Raises Unavailable at the bound or the end."""
        if self.closing or len(self._open) >= self._most:
            raise Unavailable("This hub takes no more connections now; try again.", retry_after=2)
        self._open[say] = who

    def remove(self, say: Callable[[Farewell], None]) -> None:
        """It has ended."""
        del self._open[say]
        if not self._open:
            self._emptied.set()

    def principals(self) -> set[Principal]:
        """Everybody who is connected."""
        # Most are the same few objects, and hashing one is dearer than looking at a thousand.
        return set({id(who): who for who in self._open.values()}.values())

    def end(self, dead: Iterable[Principal]) -> None:
        """The sessions or tokens of these are dead."""
        gone = set(dead)
        if not gone:
            return
        for say, who in tuple(self._open.items()):
            if who in gone:
                say("dead")

    def shut_down(self) -> None:
        """No new ones, and an end to all there are."""
        self.closing = True
        for say in tuple(self._open):
            say("shutdown")

    async def gone(self, within: float) -> None:
        """Return when nobody is connected any more, or after `within` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._open:
                    self._emptied.clear()
                    await self._emptied.wait()
