"""What the figures in docs/performance.md come from: every measure runs the real hub, or the real store, under load."""
