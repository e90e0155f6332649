"""The tools of the tests: real servers, live clients, a publisher, and a network that can fail."""
