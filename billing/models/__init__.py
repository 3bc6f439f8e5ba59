"""The tables of money."""

from billing.models.budget import Budget, BudgetKind, Lease, LedgerEntry, LedgerKind, RechargeLot
from billing.models.commission import CommissionOwner, Withdrawal, WithdrawalState
from billing.models.gift import GiftClaim
from billing.models.payment import Order, OrderState, PaymentNotice, Verdict
from billing.models.price import Price, PriceDraft
from billing.models.redemption import CodeState, RedemptionCode
from billing.models.renewal import Renews, TokenRenewal
from billing.models.usage import Dimension, HourlyTotal, HourlyUsage, Usage, UsageStatus
from billing.models.worker import Node, Worker, WorkerState

__all__ = [
    "Budget",
    "BudgetKind",
    "CodeState",
    "CommissionOwner",
    "Dimension",
    "GiftClaim",
    "HourlyTotal",
    "HourlyUsage",
    "Lease",
    "LedgerEntry",
    "LedgerKind",
    "Node",
    "Order",
    "OrderState",
    "PaymentNotice",
    "Price",
    "PriceDraft",
    "RechargeLot",
    "RedemptionCode",
    "Renews",
    "TokenRenewal",
    "Usage",
    "UsageStatus",
    "Verdict",
    "Withdrawal",
    "WithdrawalState",
    "Worker",
    "WorkerState",
]
