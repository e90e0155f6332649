"""What a session's browser is called."""


def device_name(agent: str) -> str:
    """The browser and the system that describe themselves so. It blocks at the first call: use a thread."""
    from ua_parser import parse  # Imported where it is needed: it takes a fifth of a second.

    found = parse(agent)
    names = [part.family for part in (found.user_agent, found.os) if part is not None]
    return " on ".join(names) or "An unknown program"
