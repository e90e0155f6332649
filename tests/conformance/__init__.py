"""The websocket against RFC 6455, by the numbers of its sections, on a hub in its own process."""
