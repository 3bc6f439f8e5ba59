"""The console's pages of money: prices, usage, the ledger, and what users and tokens have."""

from billing.admin import (
    budgets,
    codes,
    hourly,
    notices,
    orders,
    panels,
    prices,
    tokens,
    usage,
    users,
    waiting,
    withdrawals,
)

__all__ = [
    "budgets",
    "codes",
    "hourly",
    "notices",
    "orders",
    "panels",
    "prices",
    "tokens",
    "usage",
    "users",
    "waiting",
    "withdrawals",
]
