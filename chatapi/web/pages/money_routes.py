"""The pages and callbacks of money."""

from django.urls import path

from chatapi.web.callbacks import hear_epay, hear_stripe
from chatapi.web.pages.invitations import (
    show_invitations,
    show_withdrawals,
    transfer,
    withdraw,
)
from chatapi.web.pages.lots import show_lots
from chatapi.web.pages.orders import check_order, show_order, show_orders
from chatapi.web.pages.redeem import redeem_code
from chatapi.web.pages.topup import place, show_topup

urlpatterns = [
    path("topup", show_topup, name="topup"),
    path("topup/order", place, name="place_order"),
    path("topup/redeem", redeem_code, name="redeem"),
    path("orders", show_orders, name="orders"),
    path("orders/<str:number>", show_order, name="order"),
    path("orders/<str:number>/check", check_order, name="check_order"),
    path("lots", show_lots, name="lots"),
    path("invitations", show_invitations, name="invitations"),
    path("invitations/transfer", transfer, name="transfer_commission"),
    path("invitations/withdraw", withdraw, name="withdraw"),
    path("withdrawal", show_withdrawals, name="withdrawals"),
    path("api/user/epay/notify", hear_epay, name="epay_notify"),
    path("api/stripe/webhook", hear_stripe, name="stripe_webhook"),
]
