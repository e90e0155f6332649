"""The data that the screenshots show: the channels of a small team and their newest updates."""

from dataclasses import dataclass, field
from typing import Any

from app.model.channel import ChannelDraft, Publishing, Visibility


@dataclass(frozen=True, slots=True)
class SampleUpdate:
    """One update of a sample channel."""

    minutes_ago: float
    author: str
    update: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SampleChannel:
    """A channel with `earlier_updates` equal updates, and its own updates after them, oldest first."""

    slug: str
    title: str
    description: str
    updates: tuple[SampleUpdate, ...] = ()
    earlier_updates: int = 0
    routine: dict[str, Any] = field(default_factory=dict)

    @property
    def draft(self) -> ChannelDraft:
        """The draft of a public channel."""
        return ChannelDraft(
            slug=self.slug,
            title=self.title,
            description=self.description,
            visibility=Visibility.PUBLIC,
            publishing=Publishing.PUBLISHERS,
        )


_INCIDENT = """\
The pool of `api-3` results out of connections; requests waited up to **8 s**.

1. raised `pool_size` from 10 to 25
2. restarted the node, traffic is back on it
3. alert added at 80 % of the pool"""

_GREEN = """\
**482 passed**, 3 skipped in 2 min 41 s. Coverage 94.1 % (+0.3)."""

PRODUCTION = SampleChannel(
    "production",
    "Production",
    "Deploys, backups, checks and sensors. Quiet when all is well.",
    (
        SampleUpdate(
            312, "sensors", {"key": "rack-2", "title": "Rack 2, intake", "value": 24.8, "unit": "°C", "status": "ok"}
        ),
        SampleUpdate(
            241,
            "ana",
            {
                "body": "Certificates are rotated tonight at 22:00 UTC. Expect a blip of a second or two.",
                "tags": ["maintenance"],
            },
        ),
        SampleUpdate(
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
        SampleUpdate(
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
        SampleUpdate(
            164,
            "ana",
            {
                "title": "What happened to api-3",
                "body": _INCIDENT,
                "format": "markdown",
                "tags": ["incident", "api"],
            },
        ),
        SampleUpdate(
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
        SampleUpdate(
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
        SampleUpdate(
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
    earlier_updates=1280,
    routine={"title": "Nightly check", "body": "All 14 hosts answered.", "level": "success", "status": "up"},
)

# Published to the running hub while the page is open, so that the newest update of the screenshot was received live.
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
    SampleChannel(
        "ci",
        "Builds",
        "Every build of every branch, with its result and a link.",
        (SampleUpdate(12, "ci", {"title": "main is green", "level": "success", "status": "passed"}),),
        earlier_updates=1892,
        routine={"title": "Build", "level": "success", "status": "passed"},
    ),
    SampleChannel(
        "backups",
        "Backups",
        "What was saved, how large it was and how long it took.",
        (SampleUpdate(95, "backup-bot", {"title": "Nightly backup", "value": 42.1, "unit": "GiB"}),),
        earlier_updates=363,
        routine={"title": "Nightly backup", "value": 41.7, "unit": "GiB"},
    ),
    SampleChannel(
        "greenhouse",
        "Greenhouse",
        "Temperature, humidity and soil, every ten minutes.",
        (SampleUpdate(4, "esp32", {"key": "air", "title": "Air", "value": 21.6, "unit": "°C"}),),
        earlier_updates=8409,
        routine={"key": "air", "title": "Air", "value": 21.2, "unit": "°C"},
    ),
    SampleChannel(
        "release-notes",
        "Release notes",
        "For everybody who uses what we build.",
        (SampleUpdate(1310, "ana", {"title": "web 2.13", "body": "Faster search.", "format": "markdown"}),),
        earlier_updates=27,
        routine={"title": "A release", "body": "Small repairs."},
    ),
)
LOBBY = SampleUpdate(52, "bo", {"body": "hello"})
