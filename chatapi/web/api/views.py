"""What all views of the API share: who may ask, reading what they send, the schema's words."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.views import APIView

from chatapi.accounts.models import User
from chatapi.web.api.envelope import Failure, Shape, enveloped
from chatapi.web.api.levels import GETS, PUBLIC

REFUSALS = dict.fromkeys((400, 401, 403, 404, 413, 429, 503), Failure)

F = TypeVar("F", bound=Callable[..., Any])


class ApiView(APIView):
    """`area` says which scopes are needed: `tokens` needs tokens:read to read and tokens:write for
    the rest. A view without one can't be made. `scopes` are methods that need another scope.

    `changing_reads`: the old product has a GET here that changes something. It works with a
    token in the header, or when our own page asks; a link on a foreign page does nothing.
    """

    area: ClassVar[str]
    scopes: ClassVar[Mapping[str, str]] = {}
    changing_reads: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not hasattr(cls, "area"):
            msg = f"{cls.__name__} does not say who may ask"
            raise TypeError(msg)

    @classmethod
    def scope_of(cls, method: str | None) -> str:
        """The scope that a method needs; PUBLIC for none."""
        if method in cls.scopes or cls.area == PUBLIC:
            return cls.scopes.get(method or "", PUBLIC)
        reads = method in GETS and method not in cls.changing_reads
        return f"{cls.area}:{'read' if reads else 'write'}"

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        """Answers hold keys and balances: nobody on the way keeps them."""
        response = super().finalize_response(*args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @property
    def user(self) -> User:
        """Who asks; only where the area is not PUBLIC."""
        user: Any = self.request.user
        return user  # type: ignore[no-any-return]

    def read_query(self, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The parameters of the address; raises BadRequest through DRF's ValidationError."""
        return read(shape, self.request.query_params)

    def read_body(
        self, shape: type[serializers.Serializer[Any]], *, partial: bool = False
    ) -> dict[str, Any]:
        return read(shape, self.request.data, partial=partial)


def read(
    shape: type[serializers.Serializer[Any]], data: Any, *, partial: bool = False
) -> dict[str, Any]:
    """What the shape makes of the data; unknown fields are left out. Raises DRF's
    ValidationError.
    """
    serializer = shape(data=data, partial=partial)
    serializer.is_valid(raise_exception=True)
    found: dict[str, Any] = serializer.validated_data
    return found


def describe(  # noqa: PLR0913 -- the words of an operation
    summary: str,
    tag: str,
    data: Shape | None = None,
    *,
    is_list: bool = False,
    body: type[serializers.Serializer[Any]] | None = None,
    query: type[serializers.Serializer[Any]] | None = None,
    more: tuple[str, ...] = (),
    **others: Any,
) -> Callable[[F], F]:
    """The schema's words for a method of a view: what it takes and what it answers."""
    shape: Any = data
    return extend_schema(
        summary=summary,
        tags=[tag],
        request=body,
        parameters=[query] if query else None,
        responses={200: enveloped(shape, is_list=is_list, more=more), **REFUSALS},
        **others,
    )
