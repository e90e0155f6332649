"""Why a run is void."""


class Failure(Exception):
    """The run is void: an update was lost or doubled, a call was refused, or a bound was passed."""
