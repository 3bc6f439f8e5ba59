"""Encrypts what is stored but must be readable again: AES-256-GCM with a key ring."""

import base64
import binascii
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class InvalidKeyRing(ValueError):
    """The key ring's text is malformed."""


class Undecipherable(ValueError):
    """The ciphertext was made with another key, or for another place."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """Named 32-byte keys; the first encrypts, all decrypt."""

    keys: tuple[tuple[str, bytes], ...]

    def seal(self, text: str, place: str) -> str:
        """Ciphertext of `text`, bound to `place` (table:column:row), so that it cannot be moved to
        another row.
        """
        name, key = self.keys[0]
        nonce = os.urandom(12)
        sealed = AESGCM(key).encrypt(nonce, text.encode(), place.encode())
        return f"{name}:{base64.b64encode(nonce + sealed).decode()}"

    def unseal(self, sealed: str, place: str) -> str:
        """Raises Undecipherable."""
        name, _, body = sealed.partition(":")
        key = dict(self.keys).get(name)
        if key is None:
            msg = f"no key {name!r} in the key ring"
            raise Undecipherable(msg)
        try:
            raw = base64.b64decode(body, validate=True)
            return AESGCM(key).decrypt(raw[:12], raw[12:], place.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            msg = "the secret cannot be read with this key ring"
            raise Undecipherable(msg) from error

    def renew(self, sealed: str, place: str) -> str:
        """The same secret, sealed with the first key. Raises Undecipherable."""
        return sealed if self.is_new(sealed) else self.seal(self.unseal(sealed, place), place)

    def is_new(self, sealed: str) -> bool:
        return sealed.startswith(f"{self.keys[0][0]}:")

    def label(self, purpose: str) -> str:
        """A name that the nodes of one installation have in common, and no other installation has.
        By the oldest key, so that it stays when a newer one is put in front.
        """
        return hmac.new(self.keys[-1][1], purpose.encode(), "sha256").hexdigest()[:16]


def parse_key_ring(text: str) -> KeyRing:
    """`k2:BASE64,k1:BASE64`; raises InvalidKeyRing."""
    keys: list[tuple[str, bytes]] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, body = part.partition(":")
        try:
            key = base64.b64decode(body, validate=True)
        except ValueError:
            key = b""
        if not name or len(key) != 32 or name in dict(keys):
            msg = "DATA_KEYS: each key must be name:BASE64 of 32 bytes"
            raise InvalidKeyRing(msg)
        keys.append((name, key))
    if not keys:
        msg = "DATA_KEYS: no key"
        raise InvalidKeyRing(msg)
    return KeyRing(tuple(keys))


def make_key_ring_text() -> str:
    return f"k1:{base64.b64encode(os.urandom(32)).decode()}"


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The text of a private file (mode 0600), made once by calling `make`; safe when two processes
    start at once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="utf-8").strip()
