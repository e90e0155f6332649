"""A transport that drops what is written to it."""

import asyncio
from typing import Any


class Discard(asyncio.Transport):
    """Takes the place of a transport that its former user may no longer write to or close."""

    def is_closing(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: Any) -> None:
        pass

    def write_eof(self) -> None:
        pass

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass
