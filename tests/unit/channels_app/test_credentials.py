"""Access tokens of clouds: shared, renewed ahead of their end, and kept when a renewal fails."""

import asyncio
from collections.abc import Iterator

import pytest

from channels_app import credentials
from channels_app.credentials import Credentials
from channels_app.failures import UpstreamFailure
from channels_app.providers.base import TokenRequest
from channels_app.upstream import Upstream
from channels_app.upstream_request import UpstreamRequest
from tests.harness.answering_provider import AnsweringProvider, running_answers
from tests.unit.channels_app.providers.asking import make_channel


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(credentials, "time", found)
    return found


@pytest.fixture
def provider() -> Iterator[AnsweringProvider]:
    with running_answers() as found:
        yield found


def gives(provider: AnsweringProvider, token: str, seconds: int = 3600) -> None:
    provider.says["/token"] = (200, {"access_token": token, "expires_in": seconds})


async def settle(kept: Credentials) -> None:
    """Until what runs beside the calls has ended."""
    await asyncio.gather(*kept._fetching.values(), return_exceptions=True)
    await asyncio.sleep(0)


async def test_a_token_is_renewed_beside_the_calls(
    provider: AnsweringProvider, clock: Clock
) -> None:
    kept, upstream, channel = Credentials(), Upstream(), make_channel("vertex")
    wanted = TokenRequest("k", UpstreamRequest("POST", f"{provider.url}/token", (), b"{}"))
    gives(provider, "first")
    both = await asyncio.gather(*(kept.get(wanted, channel, upstream) for _ in range(5)))
    assert (set(both), len(provider.asked)) == ({"first"}, 1)

    gives(provider, "second")
    clock.now += 3299
    assert await kept.get(wanted, channel, upstream) == "first"
    assert len(provider.asked) == 1
    clock.now += 2
    assert await kept.get(wanted, channel, upstream) == "first"
    await settle(kept)
    assert await kept.get(wanted, channel, upstream) == "second"
    assert len(provider.asked) == 2
    await upstream.close()


async def test_a_failed_renewal_hurts_nobody_before_the_end(
    provider: AnsweringProvider, clock: Clock
) -> None:
    kept, upstream, channel = Credentials(), Upstream(), make_channel("vertex")
    wanted = TokenRequest("k", UpstreamRequest("POST", f"{provider.url}/token", (), b"{}"))
    gives(provider, "first")
    await kept.get(wanted, channel, upstream)
    provider.says["/token"] = (500, {"error": "away"})
    clock.now += 3400
    for _ in range(3):
        assert await kept.get(wanted, channel, upstream) == "first"
        await settle(kept)
    assert len(provider.asked) == 2
    clock.now += 190
    with pytest.raises(UpstreamFailure):
        await kept.get(wanted, channel, upstream)
    gives(provider, "second")
    clock.now += 30
    assert await kept.get(wanted, channel, upstream) == "second"
    await upstream.close()
