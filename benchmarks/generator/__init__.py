"""The load generator: a C program that watches and publishes, cheap enough to measure the server and not itself."""
