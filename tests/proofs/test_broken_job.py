"""A fault of ours in a worker's background job: it is told once, and the job goes on."""

from pathlib import Path

from tests.harness.cast import new_person
from tests.harness.clients import ask_all
from tests.harness.gateway import running_gateway
from tests.harness.provider import PLAIN, Provider
from tests.harness.services import Store
from tests.harness.waiting import wait_for

# No code of ours writes such a change, and none can read it.
PLANT = "from chatapi.options.feed import publish; publish('token', 'no number')"


def test_revocation_arrives_after_a_change_that_nobody_can_read(
    tmp_path: Path, provider: Provider
) -> None:
    with running_gateway(
        Store("sqlite", path=tmp_path),
        tmp_path,
        commands=provider.commands(),
        workers=1,
        SYNC_FREQUENCY="3",
    ) as gateway:
        person = new_person(gateway, "rose", units=1_000_000)
        call = person.call(PLAIN)
        assert ask_all(gateway.port, [call])[0].is_complete

        gateway.manage("shell", "-c", PLANT)
        wait_for(lambda: told(gateway.folder, "job_broke"), gateway.log_tail)
        gateway.manage("token", "revoke", person.token_id)

        wait_for(lambda: ask_all(gateway.port, [call])[0].status == 401, gateway.log_tail)
        wait_for(lambda: told(gateway.folder, "job_broke_over"), gateway.log_tail)
        assert told(gateway.folder, "job_broke") == 1


def told(folder: Path, event: str) -> int:
    """How many lines of the log tell it."""
    return (folder / "serve.log").read_text().count(f'"event": "{event}"')
