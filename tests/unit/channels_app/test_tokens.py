"""Long texts are counted in slices: the sum is what the whole would be."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from channels_app.tokens import SLICE, count_tokens, count_tokens_aside, cut_text, fill_cache

WORDS = "The quick fox, it's 12 o'clock (UTC)!\n\n\tüber  Straße — 你好 世界 12345 naïve_name\n"


@pytest.fixture(autouse=True, scope="module")
def _tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Those that ship with us."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "DATA_DIR", tmp_path_factory.mktemp("tiktoken"))
        patch.setenv("TIKTOKEN_CACHE_DIR", "")
        fill_cache()
        yield


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4"])
async def test_text_of_words_is_counted_exactly(model: str) -> None:
    text = WORDS * 2000
    assert len(list(cut_text(text))) > 3
    assert await count_tokens_aside(model, text) == count_tokens(model, text)


async def test_text_without_words_is_cut_anywhere_and_counted_nearly() -> None:
    text = "x" * (3 * SLICE + 5)
    pieces = list(cut_text(text))
    assert "".join(pieces) == text
    assert max(map(len, pieces)) == SLICE
    counted = await count_tokens_aside("gpt-4o", text, is_free=True)
    assert 0 <= counted - count_tokens("gpt-4o", text) <= 2 * len(pieces)
