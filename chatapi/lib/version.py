"""The version of this release; pyproject.toml says the same, and a test sees to it."""

VERSION = "0.1.0"
