"""How passwords are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class OneLaneArgon2(Argon2PasswordHasher):
    """As strong and as long as Django's, but on one core: its eight threads would all compete with
    the calls of this process. Hashes made with eight lanes are renewed at the next sign-in.
    """

    parallelism = 1
