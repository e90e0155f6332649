"""Commands that speak HTTP and websocket to a hub."""
