"""The budget of bodies: what is held comes back, one network has half, and a body alone always has room."""

import pytest

from app.errors import Unavailable
from app.runtime.body_budget import BodyBudget

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def test_one_network_has_half_of_it() -> None:
    budget = BodyBudget(100)
    budget.hold(A, 40)
    with pytest.raises(Unavailable):
        budget.hold(A, 20)
    budget.hold(B, 50)
    with pytest.raises(Unavailable):
        budget.hold(C, 20)
    budget.release(A, 40)
    budget.hold(C, 20)
    budget.hold(A, 30)


def test_a_body_alone_always_has_room() -> None:
    budget = BodyBudget(100)
    budget.hold(A, 300)
    with pytest.raises(Unavailable):
        budget.hold(B, 1)
    budget.release(A, 300)
    budget.hold(A, 100)
