"""Servers of other projects to compare with, each started on a free loopback port with a small configuration."""
