"""The types that options have besides bool and str: constance's names for form fields."""

from typing import Any

from django.utils.translation import gettext_lazy as _

Definitions = dict[str, tuple[Any, Any, Any]]
"""Name of an option -> (default, meaning, type)."""

MOST = 10**15
"""Of whole numbers: far beyond sense, and within what every database column of units holds."""

CURRENCIES = (
    *("CNY", "USD", "EUR", "GBP", "HKD", "SGD", "TWD", "JPY"),
    *("KRW", "AUD", "CAD", "MYR", "THB", "INR", "BRL"),
)
STATUSES = r"^\s*((40[1-9]|4[1-9][0-9]|5[0-9]{2})\s*(,\s*(40[1-9]|4[1-9][0-9]|5[0-9]{2})\s*)*)?$"

FIELDS: dict[str, list[Any]] = {
    "statuses": [
        "django.forms.RegexField",
        {"regex": STATUSES, "required": False, "max_length": 300},
    ],
    "line": ["django.forms.CharField", {"max_length": 60}],
    "optional_line": ["django.forms.CharField", {"max_length": 255, "required": False}],
    "content": [
        "django.forms.CharField",
        {
            "max_length": 200_000,
            "required": False,
            "widget": "django.forms.Textarea",
            "widget_kwargs": {"attrs": {"rows": 5}},
        },
    ],
    "secret": ["chatapi.options.fields.SecretOptionField", {}],
    "address": ["chatapi.options.fields.AddressField", {}],
    "site_address": ["chatapi.options.fields.SiteAddressField", {}],
    "picture": ["chatapi.options.fields.PictureField", {}],
    "proxy": ["chatapi.options.fields.ProxyField", {}],
    "head": ["chatapi.options.fields.HeadField", {}],
    "mailbox": ["chatapi.options.mail_fields.MailboxField", {}],
    "mailboxes": ["chatapi.options.mail_fields.MailboxesField", {}],
    "port": ["django.forms.IntegerField", {"min_value": 1, "max_value": 65535}],
    "whole": ["django.forms.IntegerField", {"min_value": 0, "max_value": MOST}],
    "positive": ["django.forms.IntegerField", {"min_value": 1, "max_value": MOST}],
    "kept_days": ["django.forms.IntegerField", {"min_value": 0, "max_value": 36_500}],
    "audit_days": ["chatapi.options.fields.AuditDaysField", {}],
    "ratio": [
        "django.forms.DecimalField",
        {"min_value": 0, "max_digits": 20, "decimal_places": 10},
    ],
    "days": ["django.forms.IntegerField", {"min_value": -1, "max_value": 36_500}],
    "percent": [
        "django.forms.DecimalField",
        {"min_value": 0, "max_value": 100, "max_digits": 6, "decimal_places": 3},
    ],
    "factor": [
        "django.forms.DecimalField",
        {"min_value": 0.00000001, "max_value": 1_000_000, "max_digits": 16, "decimal_places": 8},
    ],
    "currency": [
        "django.forms.ChoiceField",
        {"choices": [(code.lower(), code) for code in CURRENCIES]},
    ],
    "days_table": ["chatapi.options.tables.DaysField", {}],
    "factors_table": ["chatapi.options.tables.FactorsField", {}],
    "names_table": ["chatapi.options.tables.NamesField", {}],
    "quantities_table": ["chatapi.options.tables.QuantitiesField", {}],
    "unpriced": [
        "django.forms.ChoiceField",
        {"choices": [("ratio", _("Charge UnpricedModelRatio")), ("refuse", _("Refuse the call"))]},
    ],
}


def gettext_noop(message: str) -> str:
    """Marks a text for the catalogues. Django's own asks the settings, which are being made now."""
    return message
