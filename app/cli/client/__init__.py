"""The commands that are clients of a hub, over HTTP and the websocket."""
