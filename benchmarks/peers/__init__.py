"""Servers that a user might pick instead: each started on a free loopback port with a small configuration of ours."""
