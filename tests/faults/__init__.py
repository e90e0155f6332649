"""What breaks while the hub works, and the invariants that hold all the same."""
