"""The page of alerts, and what its forms are sent to."""

from django.urls import path

from chatapi.web.pages.alerts import (
    bind,
    confirm_email,
    save_balance,
    save_email,
    save_events,
    show_alerts,
    test,
    unbind,
)

urlpatterns = [
    path("alerts", show_alerts, name="alerts"),
    path("alerts/balance", save_balance, name="alerts_balance"),
    path("alerts/events", save_events, name="alerts_events"),
    path("alerts/email", save_email, name="alerts_email"),
    path("alerts/email/confirm", confirm_email, name="alerts_email_confirm"),
    path("alerts/ways/<slug:name>", bind, name="alerts_bind"),
    path("alerts/ways/<slug:name>/remove", unbind, name="alerts_unbind"),
    path("alerts/ways/<slug:name>/test", test, name="alerts_test"),
]
