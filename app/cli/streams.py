"""Standard input, output and error as a command may find them: closed, full, non-blocking, or of another encoding."""

import codecs
import errno
import io
import os
import select
import sys
from typing import Any, TextIO

STDIN, STDOUT, STDERR = 0, 1, 2
_NAMES = {STDIN: "Standard input", STDOUT: "Standard output", STDERR: "Standard error"}
_ESCAPE = "tidewire-escape"


class StreamFailed(Exception):
    """One of the three can't be read or written. Not an OSError: no code that expects one of the network catches it."""

    def __init__(self, fd: int, error: OSError) -> None:
        reason = "it is closed" if error.errno == errno.EBADF else error.strerror
        super().__init__(f"{_NAMES[fd]} can't be {'read' if fd == STDIN else 'written'}: {reason}.")
        self.is_output = fd == STDOUT
        self.reader_left = error.errno == errno.EPIPE


class _Descriptor(io.FileIO):
    """One of the three. Where it is non-blocking (a pipe shared with Node, say) it waits, and loses no byte."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd, "rb" if fd == STDIN else "wb", closefd=False)
        self._fd = fd

    def write(self, data: Any, /) -> int:
        """As FileIO.write, and never None. Raises StreamFailed."""
        try:
            while (written := super().write(data)) is None:
                self._wait(select.POLLOUT)
        except OSError as error:
            if self._fd == STDERR:
                return len(data)  # There is no other place for a message.
            raise StreamFailed(self._fd, error) from None
        return written

    def readinto(self, buffer: Any, /) -> int:
        """As FileIO.readinto, and never None. Raises StreamFailed."""
        try:
            while (count := super().readinto(buffer)) is None:
                self._wait(select.POLLIN)
        except OSError as error:
            raise StreamFailed(self._fd, error) from None
        return count

    def _wait(self, event: int) -> None:
        poll = select.poll()
        poll.register(self._fd, event)
        poll.poll()


def prepare_streams() -> None:
    """Replace the three streams. A closed one fails when it is used, by its name; a character that the terminal's
    encoding lacks is written as JSON escapes it.

    A closed descriptor is occupied: otherwise the next file that is opened, such as the database, would get its number,
    and be written what is meant for the terminal.
    """
    for fd in _NAMES:
        _occupy(fd)
    codecs.register_error(_ESCAPE, _escaped)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(_Descriptor(STDIN)), _encoding(sys.stdin))
    sys.stdout = _writer(STDOUT, sys.stdout)
    sys.stderr = _writer(STDERR, sys.stderr)


def abandon_stdout() -> None:
    """Discard what is still written to standard output, so that the interpreter's last flush does not fail."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, STDOUT)
    os.close(null)


def _occupy(fd: int) -> None:
    try:
        os.fstat(fd)
    except OSError:
        # The wrong way round: reading or writing it fails, as on the closed one.
        null = os.open(os.devnull, os.O_WRONLY if fd == STDIN else os.O_RDONLY)
        if null != fd:
            os.dup2(null, fd)
            os.close(null)


def _writer(fd: int, before: TextIO | None) -> io.TextIOWrapper:
    lines = fd == STDERR or os.isatty(fd)
    return io.TextIOWrapper(
        io.BufferedWriter(_Descriptor(fd)), _encoding(before), _ESCAPE, line_buffering=lines, write_through=lines
    )


def _encoding(before: TextIO | None) -> str:
    """As Python chose it by the locale and PYTHONIOENCODING."""
    return before.encoding if before is not None else "utf-8"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Every character as \\uXXXX: what `--json` prints stays JSON in any encoding."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4)), error.end
