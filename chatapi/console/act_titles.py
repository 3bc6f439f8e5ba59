"""What the acts of the audit log are called for people."""

from typing import Any

from django.apps import apps
from django.utils.translation import gettext_lazy as _

TITLES: dict[str, Any] = {
    "access_token.reset": _("Access token made anew"),
    "accesstoken.revoke": _("Access token revoked"),
    "auditentry.export": _("Audit log exported"),
    "binding.added": _("Account of another site linked"),
    "binding.removed": _("Account of another site unlinked"),
    "channel.batch": _("Channels edited together"),
    "channel.copy": _("Channel copied"),
    "channel.disable": _("Channel disabled"),
    "channel.enable": _("Channel enabled"),
    "channel.end_rests": _("Rests of a channel ended"),
    "channel.reset": _("Counters of a channel reset"),
    "channel.run_balance": _("Balances of channels asked for"),
    "channel.run_models": _("Models of channels asked for"),
    "channel.run_test": _("Channels tested"),
    "channel.test": _("Channel tested"),
    "channel_key.disable": _("Channel key disabled"),
    "channel_key.enable": _("Channel key enabled"),
    "channel_key.remove": _("Channel key removed"),
    "console.refused": _("Console refused"),
    "delivery.resend": _("Notice sent again"),
    "log.purge": _("Old logs deleted"),
    "options.change": _("Options changed"),
    "order.complete": _("Order completed by hand"),
    "order.refund": _("Order refunded"),
    "orders.close": _("Old unpaid orders closed"),
    "password.changed": _("Own password changed"),
    "password.confirmed": _("Password confirmed"),
    "password.refused": _("Password not confirmed"),
    "payment.settle": _("Payment without an order settled"),
    "prices.import": _("Prices imported"),
    "recovery_codes.renewed": _("Recovery codes renewed"),
    "redemption_code.change": _("Redemption code changed"),
    "redemption_code.create": _("Redemption codes made"),
    "redemption_code.delete": _("Redemption code deleted"),
    "redemption_code.disable": _("Redemption codes disabled"),
    "redemption_code.download": _("Redemption codes downloaded"),
    "redemption_code.enable": _("Redemption codes enabled"),
    "redemption_code.show": _("Redemption code shown"),
    "second_factor.added": _("Second factor added"),
    "second_factor.removed": _("Second factor removed"),
    "session.begin": _("Session begun"),
    "session.refused": _("Sign-in refused"),
    "task.run": _("Task started by hand"),
    "token.disable": _("Token disabled"),
    "token.enable": _("Token enabled"),
    "token.reveal": _("Key of a token shown"),
    "transport.test": _("Way of sending tested"),
    "usage.export": _("Usage log exported"),
    "usage.read_texts": _("Prompt and answer of a call read"),
    "user.ban": _("User banned"),
    "user.closed": _("Own account closed"),
    "user.credit": _("Credit given or taken"),
    "user.email_changed": _("Own address changed"),
    "user.let_in": _("User let in again"),
    "user.password": _("Password of a user set"),
    "user.renamed": _("Own name changed"),
    "user.role": _("Role changed"),
    "withdrawal.approve": _("Withdrawal approved"),
    "withdrawal.pay_out": _("Withdrawal paid out"),
    "withdrawal.reject": _("Withdrawal rejected"),
}
OF_ANY_KIND: dict[str, Any] = {
    "add": _("%(kind)s: added"),
    "change": _("%(kind)s: changed"),
    "delete": _("%(kind)s: deleted"),
}


def title_of(action: str, object_type: str) -> str:
    """`channel.change` of `channels_app.Channel`: "Channel: changed"; empty when it has no name."""
    if action in TITLES:
        return str(TITLES[action])
    verb = action.rpartition(".")[2]
    try:
        kind = apps.get_model(object_type)._meta.verbose_name
    except (LookupError, ValueError):
        return ""
    name = OF_ANY_KIND.get(verb, "")
    text = str(name) % {"kind": kind}
    return text[:1].upper() + text[1:]
