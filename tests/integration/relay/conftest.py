"""The same databases as the money's."""

from tests.integration.billing.conftest import database, migrated

__all__ = ["database", "migrated"]
