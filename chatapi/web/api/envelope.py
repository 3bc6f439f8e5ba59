"""What every answer looks like: {"success": …, "message": …, "data": …}."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from rest_framework import serializers
from rest_framework.response import Response

Shape = type[serializers.BaseSerializer[Any]] | type[serializers.Field[Any, Any, Any, Any]]


def answer(data: Any = None, *, message: str = "", **more: Any) -> Response:
    """Success. `more` stands beside the data: `total`, `next`."""
    return Response({"success": True, "message": message, "data": data, **more})


def answer_failure(message: str, status: int = 200, **more: Any) -> Response:
    """200 where what was asked for can't be done: scripts look at `success`."""
    return Response({"success": False, "message": message, **more}, status=status)


def answer_one(shape: type[serializers.BaseSerializer[Any]], instance: Any) -> Response:
    return answer(shape(instance).data)


def answer_rows(
    shape: type[serializers.BaseSerializer[Any]],
    rows: Iterable[Any],
    context: Mapping[str, Any] | None = None,
    **more: Any,
) -> Response:
    many: Any = list(rows)
    return answer(shape(many, many=True, context=dict(context or {})).data, **more)


class Failure(serializers.Serializer[Any]):
    """An answer that tells why nothing was done."""

    success = serializers.BooleanField(default=False)
    message = serializers.CharField()


@cache
def enveloped(
    shape: Any = None, *, is_list: bool = False, more: tuple[str, ...] = ()
) -> type[serializers.Serializer[Any]]:
    """The envelope around this shape of data, for the schema. `more`: names of MORE."""
    fields: dict[str, Any] = {
        "success": serializers.BooleanField(),
        "message": serializers.CharField(),
    }
    if shape is not None:
        # Missing in a refusal.
        fields["data"] = _describe_data(shape, is_list=is_list)
    else:
        fields["data"] = serializers.JSONField(required=False, allow_null=True)
    fields |= {name: MORE[name]() for name in more}
    name = "Done" if shape is None else shape.__name__.removesuffix("Field")
    suffix = "List" if is_list else ""
    extra = "".join(name.capitalize() for name in more)
    return type(f"{name}{suffix}{extra}Answer", (serializers.Serializer,), fields)


def _describe_data(shape: Any, *, is_list: bool) -> Any:
    if not is_list:
        return shape(required=False, allow_null=True)
    if issubclass(shape, serializers.BaseSerializer):
        return shape(many=True, required=False, allow_null=True)
    return serializers.ListField(child=shape(), required=False, allow_null=True)


MORE: dict[str, Callable[[], Any]] = {
    "total": lambda: serializers.IntegerField(required=False, allow_null=True),
    "next": lambda: serializers.CharField(required=False, allow_null=True),
    "truncated": lambda: serializers.BooleanField(required=False),
}
"""What may stand beside the data."""
