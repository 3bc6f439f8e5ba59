"""Prices as people read them."""

from decimal import Decimal

SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "HKD": "HK$", "JPY": "JP¥", "KRW": "₩"}
WHOLE = frozenset({"JPY", "KRW"})


def price_text(money: Decimal, currency: str) -> str:
    """`¥62.42`; a currency without a sign of its own is named: `62.42 SGD`."""
    text = f"{money:,.0f}" if currency in WHOLE else f"{money:,.2f}"
    sign = SIGNS.get(currency)
    return f"{sign}{text}" if sign else f"{text} {currency}"
