"""The exception that makes a run fail."""


class Failure(Exception):
    """An update was lost or repeated, a call was rejected, or a deadline passed."""
