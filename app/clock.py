"""The time, asked in one place: what is stored and compared is milliseconds since 1970, UTC."""

import time


def now_ms() -> int:
    """Now, by the system's clock."""
    return time.time_ns() // 1_000_000
