"""Accepting: a few connections in each turn of the loop, so that many at once hold nobody up."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.server.accepting import ACCEPTS_PER_TURN, BoundedListener


@pytest.fixture
def listener() -> Iterator[BoundedListener]:
    with BoundedListener(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        listener.setblocking(False)
        yield listener


def accepted_in_a_turn(listener: BoundedListener, stack: ExitStack) -> int:
    """How many connections asyncio gets before its accepting ends."""
    count = 0
    while True:
        try:
            stack.enter_context(listener.accept()[0])
        except BlockingIOError:
            return count
        count += 1


def test_a_turn_accepts_so_many_and_the_next_turns_the_rest(listener: BoundedListener) -> None:
    with ExitStack() as stack:
        for _ in range(2 * ACCEPTS_PER_TURN + 1):
            stack.enter_context(socket.create_connection(listener.getsockname()))

        turns = [accepted_in_a_turn(listener, stack) for _ in range(4)]

    assert turns == [ACCEPTS_PER_TURN, ACCEPTS_PER_TURN, 1, 0]


def test_a_turn_that_found_few_leaves_the_next_one_all_of_its_own(listener: BoundedListener) -> None:
    with ExitStack() as stack:
        for arriving in (ACCEPTS_PER_TURN - 1, ACCEPTS_PER_TURN):
            for _ in range(arriving):
                stack.enter_context(socket.create_connection(listener.getsockname()))

            assert accepted_in_a_turn(listener, stack) == arriving
