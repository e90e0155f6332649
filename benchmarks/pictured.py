"""What the pictures show: the channels of a small team, and what its scripts and people said lately."""

from dataclasses import dataclass, field
from typing import Any

from app.model.channel import ChannelDraft, Publishing, Visibility


@dataclass(frozen=True, slots=True)
class Said:
    """One update of a pictured channel."""

    minutes_ago: float
    author: str
    update: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pictured:
    """A channel, with `earlier` routine updates before those that are told one by one, oldest first."""

    slug: str
    title: str
    description: str
    said: tuple[Said, ...] = ()
    earlier: int = 0
    routine: dict[str, Any] = field(default_factory=dict)

    @property
    def draft(self) -> ChannelDraft:
        """Open to read for everybody."""
        return ChannelDraft(
            slug=self.slug,
            title=self.title,
            description=self.description,
            visibility=Visibility.PUBLIC,
            publishing=Publishing.PUBLISHERS,
        )


_INCIDENT = """\
The pool of `api-3` ran out of connections; requests waited up to **8 s**.

1. raised `pool_size` from 10 to 25
2. restarted the node, traffic is back on it
3. alert added at 80 % of the pool"""

_GREEN = """\
**482 passed**, 3 skipped in 2 min 41 s. Coverage 94.1 % (+0.3)."""

PRODUCTION = Pictured(
    "production",
    "Production",
    "Deploys, backups, checks and sensors. Quiet when all is well.",
    (
        Said(312, "sensors", {"key": "rack-2", "title": "Rack 2, intake", "value": 24.8, "unit": "°C", "status": "ok"}),
        Said(
            241,
            "ana",
            {
                "body": "Certificates are rotated tonight at 22:00 UTC. Expect a blip of a second or two.",
                "tags": ["maintenance"],
            },
        ),
        Said(
            187,
            "checks",
            {
                "key": "api-3",
                "title": "api-3 does not answer",
                "body": "Three checks in a row failed: connection timed out after 5 s.",
                "level": "error",
                "status": "down",
                "data": {"host": "api-3", "port": 8443, "failed": 3, "last_ok": "2026-11-21T08:12:40Z"},
            },
        ),
        Said(
            179,
            "checks",
            {
                "key": "api-3",
                "title": "api-3 answers again",
                "level": "success",
                "status": "up",
                "value": 42,
                "unit": "ms",
            },
        ),
        Said(
            164,
            "ana",
            {
                "title": "What happened to api-3",
                "body": _INCIDENT,
                "format": "markdown",
                "tags": ["incident", "api"],
            },
        ),
        Said(
            95,
            "backup-bot",
            {
                "key": "backup",
                "title": "Nightly backup",
                "body": "1,204 files changed, checksum verified, 3 old ones pruned.",
                "value": 42.1,
                "unit": "GiB",
                "level": "success",
                "status": "done",
                "tags": ["db-1", "offsite"],
            },
        ),
        Said(
            38,
            "sensors",
            {
                "key": "rack-2",
                "title": "Rack 2, intake",
                "body": "Above 30 °C for ten minutes: is the cold aisle's door open?",
                "value": 31.4,
                "unit": "°C",
                "level": "warning",
                "status": "warm",
            },
        ),
        Said(
            12,
            "ci",
            {
                "key": "main",
                "title": "main is green",
                "body": _GREEN,
                "format": "markdown",
                "level": "success",
                "status": "passed",
                "tags": ["web", "4f2a9c1"],
                "link": "https://ci.example.org/web/builds/1893",
            },
        ),
    ),
    earlier=1280,
    routine={"title": "Nightly check", "body": "All 14 hosts answered.", "level": "success", "status": "up"},
)

# Posted to the running hub while the page is open, so that what the picture shows on top came live.
LIVE = {
    "key": "deploy",
    "title": "web 2.14 is rolling out",
    "body": "14 of 20 instances run it, no errors so far.",
    "progress": 0.7,
    "status": "running",
    "tags": ["web", "eu-1"],
}
LIVE_AUTHOR = "deploy-bot"

CHANNELS = (
    PRODUCTION,
    Pictured(
        "ci",
        "Builds",
        "Every build of every branch, with its result and a link.",
        (Said(12, "ci", {"title": "main is green", "level": "success", "status": "passed"}),),
        earlier=1892,
        routine={"title": "Build", "level": "success", "status": "passed"},
    ),
    Pictured(
        "backups",
        "Backups",
        "What was saved, how large it was and how long it took.",
        (Said(95, "backup-bot", {"title": "Nightly backup", "value": 42.1, "unit": "GiB"}),),
        earlier=363,
        routine={"title": "Nightly backup", "value": 41.7, "unit": "GiB"},
    ),
    Pictured(
        "greenhouse",
        "Greenhouse",
        "Temperature, humidity and soil, every ten minutes.",
        (Said(4, "esp32", {"key": "air", "title": "Air", "value": 21.6, "unit": "°C"}),),
        earlier=8409,
        routine={"key": "air", "title": "Air", "value": 21.2, "unit": "°C"},
    ),
    Pictured(
        "release-notes",
        "Release notes",
        "For everybody who uses what we build.",
        (Said(1310, "ana", {"title": "web 2.13", "body": "Faster search.", "format": "markdown"}),),
        earlier=27,
        routine={"title": "A release", "body": "Small repairs."},
    ),
)
LOBBY = Said(52, "bo", {"body": "hello"})
