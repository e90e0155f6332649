"""What the tests stand on: real servers, a live client, a publisher, and a network that can fail."""
