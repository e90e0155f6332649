"""Secrets that this hub makes: 256 random bits, of which it keeps the digest alone."""

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits, in 43 characters that are safe in a URL."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """The stored form of such a secret. A fast hash is enough, because the secret can't be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()
