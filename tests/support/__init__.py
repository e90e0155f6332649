"""The tools of the tests: real servers, live clients, a publisher, and a network that can fail."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
