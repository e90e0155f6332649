"""The websocket after RFC 6455, by the numbers of its sections, against a hub that is a process of its own."""
