"""Search words: plain text that is looked for as it stands, short enough to be looked for."""

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from rest_framework import serializers

from chatapi.web.api.errors import Refused

LONGEST = 64
SHORTEST = 2
WILD = str.maketrans("", "", "%_*?\\ ")


def contains(word: str, *fields: str) -> Q:
    """Rows with the word in one of these columns. Django escapes % and _; a search for nothing but
    them, or for less than two other characters, would only read the whole table.
    """
    if len(word) > LONGEST or len(word.translate(WILD)) < SHORTEST:
        raise Refused(
            _("Search for %(least)d to %(most)d characters.") % {"least": SHORTEST, "most": LONGEST}
        )
    found = Q()
    for field in fields:
        found |= Q(**{f"{field}__icontains": word})
    return found


class WordQuery(serializers.Serializer[Any]):
    keyword = serializers.CharField(required=False, allow_blank=True, default="", max_length=64)
