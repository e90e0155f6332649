"""The load generator: a C program that watches and publishes, so cheap that the server is what is measured."""
