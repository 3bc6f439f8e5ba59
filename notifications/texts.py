"""Makes messages of notices, in the language of their reader."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, ngettext

from chatapi.lib.money import MAX_UNITS, digits_of_unit, show_usd, usd_from_units
from notifications.config import Config
from notifications.events import BYTES, CONFIRM, FACTS, MOMENT, UNITS, WORD, WORDS, find_event
from notifications.models import Notice
from notifications.transports.base import Message

MOST_VALUE = 300
MOST_SUBJECT = 200
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Part:
    """One notice, told."""

    subject: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    link: str
    action: str
    count: int

    @property
    def text(self) -> str:
        rows = [f"{label}: {value}" for label, value in self.facts]
        if self.count > 1:
            rows.append(times_text(self.count))
        blocks = [self.lead, "\n".join(rows), self.link]
        return "\n\n".join(block for block in blocks if block)

    @property
    def times(self) -> str:
        return times_text(self.count) if self.count > 1 else ""


class Facts(dict[str, str]):
    """What a text asks for and nobody said is a dash."""

    def __missing__(self, key: str) -> str:
        return NOTHING


def compose(
    notices: Sequence[tuple[Notice, int]], key: str, config: Config, language: str
) -> Message:
    """One message of one notice, or of several; each with how often it happened."""
    with translation.override(language):
        parts = [make_part(notice, count, config) for notice, count in notices]
        first = notices[0][0]
        if len(parts) == 1:
            subject, text = parts[0].subject, parts[0].text
        else:
            subject = ngettext("%(count)d notice", "%(count)d notices", len(parts)) % {
                "count": len(parts)
            }
            text = "\n\n".join(f"— {part.subject}\n{part.text}" for part in parts)
        context = {
            "parts": parts,
            "subject": subject,
            "site": config.site_name,
            "is_digest": len(parts) > 1,
            "choices": choices_link(first, config),
            "language": language,
        }
        html = render_to_string("notifications/mail.html", context)
    return Message(
        key=key,
        event=first.event if len(parts) == 1 else "digest",
        subject=subject[:MOST_SUBJECT],
        text=text,
        html=html,
        link=parts[0].link,
        data={**first.data, "count": notices[0][1]},
        created_at=first.created_at.isoformat(),
    )


def make_part(notice: Notice, count: int, config: Config, *, shows_codes: bool = True) -> Part:
    """In the language that is active. `shows_codes`: for the reader himself, not for operators."""
    event = find_event(notice.event)
    values = Facts(show_facts(notice.data, config))
    subject, lead, names = event.subject, event.lead, event.facts
    if notice.user_id is None:
        subject, lead = event.operators_subject or subject, event.operators_lead or lead
        names = names if "user" in names else ("user", *names)
    facts = [
        (str(FACTS[name].label), values[name])
        for name in names
        if name in values and (shows_codes or name != "code")
    ]
    return Part(
        subject=fill(subject, values)[:MOST_SUBJECT],
        lead=fill(lead, values),
        facts=tuple(facts),
        link=link_of(notice, config),
        action=gettext(event.page.action) if event.page.action else "",
        count=count,
    )


def fill(text: str, values: Facts) -> str:
    """One line: values come from users and providers."""
    return " ".join((gettext(text) % values).split()) if text else ""


def show_facts(data: Mapping[str, Any], config: Config) -> dict[str, str]:
    """The values that are there, as people read them."""
    shown = {}
    for name, fact in FACTS.items():
        value = data.get(name)
        if value is None or value == "":
            continue
        shown[name] = " ".join(show_value(fact.kind, value, config).split())[:MOST_VALUE]
    return shown


def show_value(kind: str, value: Any, config: Config) -> str:
    if kind == UNITS and isinstance(value, int) and abs(value) <= MAX_UNITS:
        rate = config.units_per_usd
        return show_usd(usd_from_units(value, rate), digits_of_unit(rate))
    if kind == BYTES and isinstance(value, int):
        return filesizeformat(value)
    if kind == MOMENT:
        return show_moment(str(value))
    text = str(value)
    if kind == WORD and text.strip():
        return gettext(WORDS.get(text, text))
    return text


def tell_error(row: Any) -> str:
    """What went wrong with a delivery or a transport: ours in the reader's language, what the other
    side said as it is.
    """
    return " ".join(gettext(part) for part in (row.error, row.error_detail) if part)


def show_moment(text: str) -> str:
    """A time of ISO 8601 in the server's zone; what is none as it is."""
    try:
        moment: datetime | None = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        return text
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M %Z}"


def link_of(notice: Notice, config: Config) -> str:
    """'' where the options do not say how this site is reached."""
    if not config.site_address:
        return ""
    path = find_event(notice.event).page.path
    return f"{config.site_address}{path}" if path else ""


def choices_link(notice: Notice, config: Config) -> str:
    is_chosen = notice.user_id is not None and notice.event != CONFIRM
    return f"{config.site_address}/alerts" if config.site_address and is_chosen else ""


def times_text(count: int) -> str:
    return ngettext("This happened %(count)d time.", "This happened %(count)d times.", count) % {
        "count": count
    }
