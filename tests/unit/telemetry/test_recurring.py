"""A failure that recurs is logged at once, then at a bounded rate with its count."""

import logging

import pytest

from app.telemetry.recurring import INTERVAL_S, Recurring


def test_each_kind_is_logged_at_once_and_then_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    recurring = Recurring(logging.getLogger("test"), lambda: now)
    for _ in range(1000):
        recurring.failed("full", "The disk is full.")
    recurring.failed("network", "The network is down.")
    now += INTERVAL_S
    recurring.failed("full", "The disk is full.")
    recurring.failed("full", "The disk is full.")

    assert caplog.messages == [
        "The disk is full.",
        "The network is down.",
        "The disk is full. (999 more since this was last logged)",
    ]
