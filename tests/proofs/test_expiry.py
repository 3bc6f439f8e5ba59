"""What is left of a lot ends once, whoever looks after it at the same moment and whoever dies."""

import json
import subprocess
from collections.abc import Callable

from tests.harness.cast import Person
from tests.harness.gateway import Gateway
from tests.harness.telling import tell

WALLETS, LOTS = 5, 100
NODES, THREADS = 2, 2
# Each wallet: 100 lots of 100 units that are over, of which 30 are spent, and 700 that stay.
SEED = """
from datetime import timedelta
from django.utils import timezone
from billing.ledger import open_wallet, post_entry
from billing.models import LedgerKind
from chatapi.accounts.models import User
past = timezone.now() - timedelta(minutes=1)
for name in {names!r}:
    wallet = open_wallet(User.objects.get(username=name)).pk
    for number in range({lots}):
        post_entry(wallet, 100, kind=LedgerKind.TOPUP, reference=f"{{name}}:{{number}}",
                   expires_at=past - timedelta(seconds=number))
    post_entry(wallet, -30, kind=LedgerKind.DEBIT)
    post_entry(wallet, 700, kind=LedgerKind.TOPUP)
"""


def test_500_lots_end_once_with_two_nodes_two_beats_and_kills_in_the_middle(
    gateway: Gateway, person: Callable[..., Person]
) -> None:
    people = [person(f"lots{number}", units=0) for number in range(WALLETS)]
    names = [one.name for one in people]
    gateway.manage("shell", "-c", SEED.format(names=names, lots=LOTS))

    dying = gateway.start_inside("expiring", 0)
    killed = result_of(dying)
    left = unfinished(gateway, names)
    nodes = [gateway.start_inside("expiring", THREADS) for _ in range(NODES)]
    for node in nodes:
        assert node.stdin is not None
        node.stdin.write("go\n")
        node.stdin.flush()
    ended = [result_of(node) for node in nodes]

    tell(gateway.store.vendor, f"{killed} killed, {left} lots left to the nodes' {ended}")
    assert killed > 20
    assert 0 < left < WALLETS * LOTS
    assert sum(ended) == left
    amounts = entries(gateway, names)
    assert len(amounts) == len(set(amounts)) == WALLETS * LOTS
    assert sum(amounts.values()) == -WALLETS * (LOTS * 100 - 30)
    assert unfinished(gateway, names) == 0
    assert [one.balance()["units"] for one in people] == [700] * WALLETS
    assert gateway.manage("audit")["differences"] == []
    assert notices(gateway, names) == WALLETS * LOTS
    again = gateway.start_inside("expiring", THREADS)
    assert again.stdin is not None
    again.stdin.write("go\n")
    assert result_of(again) == 0


def result_of(process: "subprocess.Popen[str]") -> int:
    out, _ = process.communicate(timeout=250)
    assert process.returncode == 0
    return int(json.loads(out.splitlines()[-1]))


def wallets_of(names: list[str]) -> str:
    users = ", ".join(f"'{name}'" for name in names)
    return (
        "SELECT b.id FROM billing_budget b JOIN accounts_user u ON u.id = b.user_id "
        f"WHERE u.username IN ({users})"
    )


def unfinished(gateway: Gateway, names: list[str]) -> int:
    column = "`left`" if gateway.store.vendor == "mariadb" else '"left"'
    ((number,),) = gateway.store.rows(
        f"SELECT COUNT(*) FROM billing_rechargelot WHERE {column} > 0 "
        f"AND expires_at IS NOT NULL AND budget_id IN ({wallets_of(names)})"
    )
    return int(number)


def entries(gateway: Gateway, names: list[str]) -> dict[str, int]:
    """What was taken for each lot."""
    rows = gateway.store.rows(
        "SELECT reference, amount FROM billing_ledgerentry WHERE kind = 'expire' "
        f"AND budget_id IN ({wallets_of(names)})"
    )
    return {str(reference): int(amount) for reference, amount in rows}


def notices(gateway: Gateway, names: list[str]) -> int:
    users = ", ".join(f"'{name}'" for name in names)
    ((number,),) = gateway.store.rows(
        "SELECT COUNT(*) FROM notifications_notice n JOIN accounts_user u ON u.id = n.user_id "
        f"WHERE n.event = 'lot_expired' AND u.username IN ({users})"
    )
    return int(number)
