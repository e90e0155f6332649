"""The websocket: its handshake, its messages, its connection."""
