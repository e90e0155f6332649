"""A bound on the frames of a client that bring no message.

Control frames and small fragments cost 5 to 12 µs to parse, for as little as six bytes.
"""

from time import monotonic

_MAX_IDLE_FRAMES = 1000  # In so many seconds: a client that means well stays far below.
_IDLE_FRAMES_SECONDS = 10.0
_SMALL_FRAME_BYTES = 125  # The largest payload of a control frame (RFC 6455, 5.5).


class Flood:
    """Counts the frames of one client that bring no message. Each method returns whether that one is too many."""

    def __init__(self) -> None:
        self._frame_bytes = 0
        self._frames = 0
        self._since = 0.0

    def add_data(self, size: int, *, ends_frame: bool, ends_message: bool) -> bool:
        """Count `size` bytes of a data frame, which counts as idle if it is small and ends no message."""
        self._frame_bytes += size
        if not ends_frame:
            return False
        size, self._frame_bytes = self._frame_bytes, 0
        return size <= _SMALL_FRAME_BYTES and not ends_message and self.add_idle()

    def add_idle(self) -> bool:
        """Count a frame that brings no message."""
        self._frames += 1
        if self._frames <= _MAX_IDLE_FRAMES:
            return False
        now = monotonic()
        before, self._since, self._frames = self._since, now, 1
        return now - before < _IDLE_FRAMES_SECONDS
