"""`python -m app` is `tidewire`."""

from app.cli import main

main()
