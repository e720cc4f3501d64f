"""Secrets that are shown once, and kept as a hash."""

import hashlib
import secrets

SECRET_BYTES = 32  # 256 bits: nobody guesses one, so that a fast hash is enough.


def make_secret(*, prefix: str = "") -> str:
    """A new secret, fit for a header or an address."""
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """SHA-256, hexadecimal; of anything that a stranger may send."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
