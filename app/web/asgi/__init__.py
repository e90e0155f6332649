"""Around Quart: the supervisor, the fast paths, mounted applications."""
