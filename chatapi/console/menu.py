"""The console's menu: which models stand together, in which order."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

Menu = Sequence[tuple[Any, Sequence[str]]]

MENU: Menu = (
    (_("Upstream"), ("channels_app.Channel", "billing.Price", "accounts.Group")),
    (_("People"), ("accounts.User", "accounts.Token", "accounts.AccessToken")),
    (_("Calls"), ("billing.Usage", "billing.HourlyUsage", "relay.MidjourneyTask")),
    (
        _("Recharges"),
        (
            "billing.Order",
            "billing.RedemptionCode",
            "billing.Withdrawal",
            "billing.PaymentNotice",
        ),
    ),
    (_("Money"), ("billing.LedgerEntry", "billing.RechargeLot", "billing.Budget")),
    (_("Notifications"), ("notifications.Notice", "notifications.Delivery")),
    (
        _("System"),
        (
            "constance.Config",
            "console.AuditEntry",
            "console.TaskRun",
            "billing.Worker",
            "billing.Lease",
        ),
    ),
)
NAMES = {"constance.Config": _("Options"), "billing.Worker": _("Nodes and workers")}


def arrange_menu(apps: Sequence[dict[str, Any]], menu: Menu) -> list[dict[str, Any]]:
    """The models of all apps in the menu's groups; what the menu does not know comes last."""
    models = {
        f"{app['app_label']}.{row['object_name']}": row for app in apps for row in app["models"]
    }
    for label, name in NAMES.items():
        if label in models:
            models[label]["name"] = name
    groups = [
        _group(number, title, [models.pop(label) for label in labels if label in models])
        for number, (title, labels) in enumerate(menu)
    ]
    groups.append(_group(len(groups), _("More"), list(models.values())))
    return [group for group in groups if group["models"]]


def find_entry(groups: Sequence[dict[str, Any]], url_name: str) -> dict[str, Any]:
    """Where in the menu a page belongs, by the name of its URL; empty: nowhere."""
    for group in groups:
        for row in group["models"]:
            label = row["model"]._meta.label_lower.replace(".", "_")
            if url_name.startswith(f"{label}_"):
                return {
                    "group": group["name"],
                    "name": row["name"],
                    "url": row["admin_url"],
                    "is_list": url_name == f"{label}_changelist",
                }
    return {}


def _group(number: int, title: Any, models: list[dict[str, Any]]) -> dict[str, Any]:
    """Shaped like one of Django's apps, for its templates."""
    return {"name": title, "app_label": f"group{number}", "app_url": "", "models": models}
