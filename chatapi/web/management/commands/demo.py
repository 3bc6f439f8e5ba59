"""manage.py demo: fills a fresh installation, so that a newcomer sees a living system."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connections

from chatapi.lib.commands import OperatorCommand, Result
from chatapi.lib.logs import configure_logs
from chatapi.web.demo import filling
from chatapi.web.demo.kept import Demo, keep, read_kept
from chatapi.web.management.commands import serve, simulate
from chatapi.web.startup import prepare
from chatapi.web.supervisor import Child, Supervisor, manage

CURL = """
Try it:

  curl http://localhost:{port}/v1/chat/completions \\
    -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
    -d '{{"model": "gpt-4o-mini", "messages": [{{"role": "user", "content": "Hello!"}}]}}'
"""


class Command(OperatorCommand):
    help = "Fill a fresh installation with sample channels, users, tokens and 30 days of usage."

    def add_actions(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="also where there is data already")
        parser.add_argument("--serve", action="store_true", help="then serve, with the provider")
        parser.add_argument(
            "--provider-port", type=int, default=simulate.PORT, help="where `simulate` listens"
        )
        parser.set_defaults(run=self.show_demo)

    def show_demo(self, options: dict[str, Any]) -> Result | None:
        configure_logs("warning")
        prepare()
        demo = find_or_fill(options)
        if options["json"]:
            return asdict(demo)
        self.stdout.write(
            f"{demo.channels} channels, {demo.users} users, {demo.calls:,} calls of 30 days"
        )
        for name, key in demo.keys.items():
            self.stdout.write(f"  {name:<6} {key}")
        self.stdout.write(CURL.format(port=settings.ENV.PORT, key=next(iter(demo.keys.values()))))
        if options["serve"]:
            self.stdout.write(f"Serving at http://localhost:{settings.ENV.PORT}, Ctrl-C ends it.")
            self.stdout.flush()
            serve_with_provider(options["provider_port"])
        return None


def find_or_fill(options: dict[str, Any]) -> Demo:
    """Once; a second run shows what the first has made."""
    if filling.has_demo():
        kept = read_kept(settings.DATA_DIR)
        if kept is None:
            msg = "the demo is here, but its keys are not: `manage.py token create` makes new ones"
            raise CommandError(msg)
        return kept
    filling.check_empty(force=options["force"])
    demo = filling.fill(f"http://127.0.0.1:{options['provider_port']}")
    keep(demo, settings.DATA_DIR)
    return demo


def serve_with_provider(provider_port: int) -> None:
    """As `serve`, and the simulated provider beside it."""
    env = settings.ENV
    configure_logs(env.LOG_LEVEL)
    connections.close_all()
    helpers = [
        Child("provider", manage("simulate", "--port", str(provider_port))),
        Child("payments", manage("simulate_payments")),
        Child("recorder", manage("record")),
        Child("worker", serve.celery_command()),
    ]
    listener = serve.open_port()
    web = serve.make_web(listener.fileno())
    Supervisor(web, helpers, float(env.SHUTDOWN_GRACE), listener).run()
