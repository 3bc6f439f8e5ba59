"""manage.py simulate_payments: payment gateways to try with, where no money moves."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing.payments.simulator.epay import SimulatedEpay
from billing.payments.simulator.server import Gateways, make_server
from billing.payments.simulator.stripe import SimulatedStripe
from chatapi.lib.process import die_with_parent
from chatapi.options.secret_options import read_secret
from chatapi.options.snapshot import read_values
from chatapi.web.address import site_url

PORT = 9101


class Command(BaseCommand):
    help = "Run simulated payment gateways (Epay and Stripe) with the keys of the options."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=PORT, help=f"default {PORT}; 0: a free one")

    def handle(self, *_: Any, **options: Any) -> None:
        die_with_parent()
        gateways = Gateways(
            SimulatedEpay(read_values()["EpayId"], read_secret("EpayKey")),
            SimulatedStripe(
                read_secret("StripeSecretKey"),
                read_secret("StripeWebhookSecret"),
                f"{site_url()}/api/stripe/webhook",
            ),
        )
        with make_server(gateways, options["host"], options["port"]) as server:
            self.stdout.write(f"listening on {gateways.url}")
            self.stdout.flush()
            server.serve_forever()
