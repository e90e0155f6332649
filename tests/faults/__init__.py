"""What breaks while the hub works, and the law that holds all the same."""
