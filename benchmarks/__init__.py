"""Measures of the running hub and its store under load: the source of the figures in docs/performance.md."""
