"""All dialects by name, loaded when they are first needed."""

from functools import cache
from importlib import import_module

from channels_app.dialects.dialect import Dialect

MODULES = {"openai": "openai_chat", "anthropic": "claude"}
"""Where the module is named otherwise than the dialect."""


@cache
def find_dialect(name: str) -> Dialect:
    """Raises ModuleNotFoundError for a name that nobody speaks."""
    module = import_module(f"channels_app.dialects.{MODULES.get(name, name)}")
    dialect: Dialect = module.DIALECT
    return dialect
