"""All operations of the API, from its URLconf: tests of who may ask what can't forget one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chatapi.web.api.urls import urlpatterns
from chatapi.web.api.views import ApiView

METHODS = ("get", "post", "put", "delete")
NUMBER = "987654"
"""Of nothing, where a path has a number."""

SLUG = "github"
"""Where a path has the name of a provider of sign-ins."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path, with the scope that it needs; '' for anybody."""

    name: str
    method: str
    path: str
    scope: str
    has_number: bool


def operations() -> Iterator[Operation]:
    """Each once, by the form of its path that has a name."""
    for pattern in urlpatterns:
        view: Any = getattr(pattern.callback, "view_class", None) or getattr(
            pattern.callback, "cls", None
        )
        if not pattern.name or view is None or not issubclass(view, ApiView):
            continue
        route = str(pattern.pattern)
        for method in METHODS:
            if hasattr(view, method):
                yield Operation(
                    pattern.name,
                    method,
                    route.replace("<int:pk>", NUMBER).replace("<slug:slug>", SLUG),
                    view.scope_of(method.upper()),
                    "<int:pk>" in route,
                )
