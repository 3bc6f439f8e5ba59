"""How the schema at /api/schema is made from the views."""

import inspect
import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from chatapi.accounts.models import Role
from chatapi.accounts.scopes import SCOPES
from chatapi.web.api.levels import PUBLIC

AUDIENCES: dict[int, str] = {
    Role.COMMON: "users",
    Role.SUPPORT: "support and above",
    Role.ADMIN: "administrators and root",
    Role.ROOT: "root",
}
NOT_WORD = re.compile(r"[^a-z0-9]+")


class ApiSchema(AutoSchema):
    """Operations are named for their method and path."""

    def get_operation_id(self) -> str:
        path = NOT_WORD.sub("_", self.path.lower().removeprefix("/api/")).strip("_")
        return f"{self.method.lower()}_{path}"

    def get_description(self) -> str:  # type: ignore[override] # as in drf-spectacular
        """What the view's own docstring says, and who may ask."""
        view: Any = self.view
        doc = type(view).__dict__.get("__doc__") or ""
        return f"{inspect.cleandoc(doc)}\n\n{self._tell_audience()}".strip()

    def get_auth(self) -> list[Any]:
        view: Any = self.view
        is_public = view.scope_of(self.method) == PUBLIC
        found: list[Any] = [] if is_public else super().get_auth()
        return found

    def _tell_audience(self) -> str:
        view: Any = self.view
        scope = view.scope_of(self.method)
        if scope == PUBLIC:
            return "For anybody."
        return f"For {AUDIENCES[SCOPES[scope].role]}; access tokens need the scope `{scope}`."


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "chatapi.web.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, _auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": (
                "A browser's session, over https as `__Host-sessionid`; what changes something "
                "needs the CSRF token too."
            ),
        }


class HeaderScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "chatapi.web.api.authentication.HeaderAuthentication"
    name = "access token"

    def get_security_definition(self, _auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token, at-…: your own, or that of a service account.",
        }


def first_forms(endpoints: list[Any]) -> list[Any]:
    """A preprocessing hook: of the two forms of a path, with and without a slash at the end, the
    first.
    """
    seen: set[tuple[str, str]] = set()
    kept = []
    for endpoint in endpoints:
        path, _regex, method, _view = endpoint
        key = (path.rstrip("/"), method)
        if key not in seen:
            seen.add(key)
            kept.append(endpoint)
    return kept
