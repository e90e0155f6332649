"""Faults while the hub runs, and the invariants that hold in spite of them."""
