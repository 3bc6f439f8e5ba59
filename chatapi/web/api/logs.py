"""The log: everybody's calls for staff, one's own for users, a token's for whoever has its key."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing.archive import archive_usage
from billing.ledger import open_wallet
from billing.models import Usage
from chatapi.accounts.models import Token
from chatapi.accounts.roles import may_open, narrow_entries, narrow_rows
from chatapi.accounts.throttle import address_of
from chatapi.accounts.tokens import find_shown
from chatapi.console.audit import record_act
from chatapi.console.models import AuditEntry
from chatapi.lib.request_address import request_address
from chatapi.web.api.confirming import need_scope
from chatapi.web.api.envelope import answer, answer_rows
from chatapi.web.api.fields import Text, UnixTime
from chatapi.web.api.levels import PUBLIC
from chatapi.web.api.log_search import (
    AllLogsQuery,
    LogQuery,
    find_bookings,
    find_calls,
    find_entries,
    token_ids,
    wallet_of,
)
from chatapi.web.api.log_shapes import (
    MANAGE,
    SYSTEM,
    TOPUP,
    BookingRow,
    EntryRow,
    LogRow,
    OwnLogRow,
)
from chatapi.web.api.paging import PageQuery, count_some, read_newest
from chatapi.web.api.views import ApiView, describe
from chatapi.web.throttling import WINDOW_SECONDS, count

TAG = "Log"
PAGED = ("total", "next")
MOST_LOOKS = 30
"""How often an address may ask by a key in three minutes."""
MOST_PURGED = 50_000
"""Rows that one request deletes; the next one goes on."""


class PurgeQuery(serializers.Serializer[Any]):
    target_timestamp = UnixTime(help_text="Calls before this second are deleted.")


class Logs(ApiView):
    """`total` is exact up to 10000, which then means at least so many. Programs need the scope
    money:read for type 1, and audit:read for types 3 and 4.
    """

    area = "logs"
    scopes = {"DELETE": "options:write"}

    @describe(
        "Everybody's calls, newest first", TAG, LogRow, is_list=True, query=AllLogsQuery, more=PAGED
    )
    def get(self, request: Request) -> Response:
        values = self.read_query(AllLogsQuery)
        wallet = wallet_of(values["username"]) if values.get("username") else None
        if values["type"] in {MANAGE, SYSTEM}:
            need_audit_log(request)
            return show(request, narrow_entries(self.user, find_entries(values)), EntryRow, "at")
        if values["type"] == TOPUP:
            need_scope(request, "money:read")
            rows: Any = narrow_rows(self.user, find_bookings(values), "budget__user")
            rows = rows if wallet is None else rows.filter(budget_id=wallet)
            return show(request, rows, BookingRow)
        return show(request, narrow_rows(self.user, find_calls(values, wallet), "user_id"), LogRow)

    @describe("Delete old calls from the log", TAG, serializers.IntegerField, query=PurgeQuery)
    def delete(self, request: Request) -> Response:
        """Their sums stay in the ledger."""
        before = self.read_query(PurgeQuery)["target_timestamp"]
        if before is None:
            raise exceptions.ValidationError({"target_timestamp": [_("Say which calls.")]})
        deleted = archive_usage(before, most=MOST_PURGED)
        record_act("log.purge", request=request, after={"before": str(before), "calls": deleted})
        more = _("There are more: ask again.") if deleted >= MOST_PURGED else ""
        return answer(deleted, message=more)


class OwnLogs(ApiView):
    area = "self"

    @describe(
        "One's own calls, newest first", TAG, OwnLogRow, is_list=True, query=LogQuery, more=PAGED
    )
    def get(self, request: Request) -> Response:
        values = self.read_query(LogQuery)
        wallet = open_wallet(self.user).pk
        if values["type"] == TOPUP:
            return show(request, find_bookings(values).filter(budget_id=wallet), BookingRow)
        return show(request, find_calls(values, wallet), OwnLogRow)


class LogSearchQuery(PageQuery):
    keyword = Text(max_length=64, help_text="A request id, a user, a model or a token's name.")


class LogSearch(ApiView):
    """Whole words: what an index finds."""

    area = "logs"

    @describe("Find calls", TAG, LogRow, is_list=True, query=LogSearchQuery, more=PAGED)
    def get(self, request: Request) -> Response:
        word = self.read_query(LogSearchQuery).get("keyword", "")
        rows = find_by_word(Usage.objects.all(), word)
        return show(request, narrow_rows(self.user, rows, "user_id"), LogRow)


class KeyIn(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=128)


class TokenLogs(ApiView):
    """For whoever has the key of a token. Send it by POST: addresses are kept in histories and
    logs. The GET of the old product still answers.
    """

    area = PUBLIC

    @describe(
        "Calls of a token by its key (deprecated form)",
        TAG,
        OwnLogRow,
        is_list=True,
        query=KeyIn,
        more=("next",),
        deprecated=True,
    )
    def get(self, request: Request) -> Response:
        return self._show(request, self.read_query(KeyIn)["key"])

    @describe(
        "Calls of a token by its key",
        TAG,
        OwnLogRow,
        is_list=True,
        body=KeyIn,
        query=PageQuery,
        more=("next",),
    )
    def post(self, request: Request) -> Response:
        return self._show(request, self.read_body(KeyIn)["key"])

    def _show(self, request: Request, key: str) -> Response:
        token = find_by_key(request, key)
        page = read_newest(request, Usage.objects.filter(token_id=token.pk), "created_at")
        return answer_rows(OwnLogRow, page.rows, next=page.next or None)


def need_audit_log(request: Request) -> None:
    """Raises PermissionDenied."""
    need_scope(request, "audit:read")
    if not may_open(request.user, AuditEntry._meta.label, "view"):
        raise exceptions.PermissionDenied(_("You may not do this."))


def show(request: Request, rows: Any, shape: Any, by: str = "created_at") -> Response:
    page = read_newest(request, rows, by)
    return answer_rows(shape, page.rows, total=count_some(rows), next=page.next or None)


def find_by_word(rows: Any, word: str) -> Any:
    """By request id, else by the first of user, model and token that has the word as its name."""
    if not word:
        return rows
    if Usage.objects.filter(request_id=word).exists():
        return rows.filter(request_id=word)
    wallet = wallet_of(word)
    if wallet:
        return rows.filter(wallet_id=wallet)
    tokens = token_ids(word, None)
    return rows.filter(token_id__in=tokens) if tokens else rows.filter(model=word)


def find_by_key(request: Request, key: str) -> Token:
    """Raises Throttled for too many questions of an address, and NotFound."""
    if count(f"key-look:{address_of(request)}") > MOST_LOOKS:
        raise exceptions.Throttled(WINDOW_SECONDS)
    token: Token | None = find_shown(Token.objects.all(), key, request_address(request))
    if token is None:
        raise exceptions.NotFound
    return token
