"""Price lists of all shapes: what they say, exactly, and what is refused."""

import json
from decimal import Decimal
from typing import Any

import pytest

from billing.models import Price
from billing.price_diff import apply_changes, compare, stamp_of
from billing.price_import import BadPriceList
from billing.price_lists import pack, read_list, read_shipped, unpack
from chatapi.options.models import Change


def read(text: Any, **prices: Price) -> dict[str, Any]:
    raw = text if isinstance(text, str) else json.dumps(text)
    return read_list(raw.encode(), prices).entries


def test_csv_names_what_it_changes_and_empties() -> None:
    found = read("\ufeffmodel,input_usd_per_million,output,cached_input\na, 0.1 ,2,\nb,1e-3,,0\n")
    assert found == {
        "a": {"input": Decimal("0.1"), "output": Decimal(2), "cached_input": None},
        "b": {"input": Decimal("0.001"), "output": None, "cached_input": Decimal(0)},
    }


def test_json_of_ours_is_exact() -> None:
    found = read('{"a": {"input": 0.1, "output": "0.3", "max_output_tokens": 8192}}')
    assert found == {
        "a": {"input": Decimal("0.1"), "output": Decimal("0.3"), "max_output_tokens": 8192}
    }
    assert read('[{"model": "a", "per_call": 0.05}]') == {"a": {"per_call": Decimal("0.05")}}


def test_ratios_of_the_existing_product() -> None:
    data = {
        "ModelRatio": {"a": 1.25, "b": 15, "c": 0.5},
        "CompletionRatio": {"a": 4, "d": 3},
        "ModelPrice": {"mj_imagine": 0.1, "default": 1},
    }
    old = Price(model="b", input=Decimal(1), output=Decimal(5))
    known = Price(model="d", input=Decimal(2))
    found = read_list(json.dumps(data).encode(), {"b": old, "d": known})
    assert found.entries["a"] == {"input": Decimal("2.5"), "output": Decimal(10)}
    assert found.entries["b"] == {"input": Decimal(30), "output": Decimal(150)}
    assert found.entries["c"] == {"input": Decimal(1), "output": Decimal(1)}
    assert found.entries["d"] == {"input": Decimal(2), "output": Decimal(6)}
    assert found.entries["mj_imagine"] == {"per_call": Decimal("0.1")}
    assert len(found.notes) == 1
    rows = [{"key": name, "value": json.dumps(value)} for name, value in data.items()]
    again = read_list(json.dumps({"success": True, "data": rows}).encode(), {"b": old, "d": known})
    assert again.entries == found.entries


def test_costs_per_token_become_prices_per_million() -> None:
    data = {
        "sample_spec": {"input_cost_per_token": 0},
        "x": {
            "input_cost_per_token": 2.5e-07,
            "output_cost_per_token": 1e-06,
            "cache_read_input_token_cost": 2.5e-08,
            "max_output_tokens": "16384",
        },
        "free-of-facts": {"mode": "chat", "max_tokens": 5},
    }
    assert read(data) == {
        "x": {
            "input": Decimal("0.25"),
            "output": Decimal(1),
            "cached_input": Decimal("0.025"),
            "max_output_tokens": 16384,
        }
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "model\na\n",
        "name,input\na,1\n",
        "model,input\n,1\n",
        "model,input\na,x\n",
        "model,input\na,NaN\n",
        "model,input\na,-1\n",
        "model,input\na,1e400000\n",
        "model,max_output_tokens\na,1.5\n",
        f"model,input\n{'m' * 192},1\n",
        "{",
        "[1,2]",
        "{}",
        '{"a": 1}',
        '{"a": {"input": NaN}}',
        '{"a": {"input": Infinity}}',
        '{"a": {"input": true}}',
        '{"a": {"input": {"b": 1}}}',
        '{"a": {"input": 1e-9999999}}',
        '{"a": {"input": 1e999999999}}',
        '{"a": {"max_input_tokens": 1e30}}',
        '{"a": {"input_cost_per_token": "free"}}',
        '{"ModelRatio": "{"}',
        '{"ModelRatio": [1]}',
        '{"ModelRatio": {"a": "x"}}',
        '{"ModelRatio": {"a": -1}}',
        "[" * 100_000,
        '{"a": {"input": 99999999999}}',
    ],
)
def test_what_is_no_price_list_is_told(text: str) -> None:
    with pytest.raises(BadPriceList):
        read(text)


def test_a_file_that_is_no_text_is_told() -> None:
    with pytest.raises(BadPriceList):
        read_list(b"\xff\xfe\x00", {})


def test_a_draft_survives_json() -> None:
    entries = read_shipped().entries
    assert unpack(json.loads(json.dumps(pack(entries)))) == entries


@pytest.mark.django_db
def test_only_what_is_ticked_is_applied_and_told_once() -> None:
    Price.objects.create(model="old", input=1, output=2)
    Price.objects.create(model="kept", input=1)
    Price.objects.create(model="gone", per_call=1)
    entries = read("model,input,output\nold,1,3\nnew,5,\nkept,1,\nother,1,1\n")
    prices = {price.model: price for price in Price.objects.all()}
    found = {change.model: change for change in compare(entries, prices)}
    assert {model: change.state for model, change in found.items()} == {
        "old": "changed",
        "new": "new",
        "other": "new",
        "gone": "gone",
    }
    told = Change.objects.filter(topic="price").count()
    ticked = {model: found[model].stamp for model in ("old", "new", "gone")}
    done = apply_changes(entries, ticked, "operator")
    assert (done.added, done.changed, done.deleted) == (["new"], ["old"], ["gone"])
    assert done.before["old"] == {"output": "2.000000000000000000"}
    assert dict(Price.objects.values_list("model", "output")) == {
        "old": Decimal(3),
        "kept": None,
        "new": None,
    }
    assert Change.objects.filter(topic="price").count() == told + 1


@pytest.mark.django_db
def test_a_price_that_changed_since_it_was_shown_is_left_alone() -> None:
    price = Price.objects.create(model="m", input=1)
    price.refresh_from_db()
    shown = stamp_of(price)
    Price.objects.filter(model="m").update(input=7)
    done = apply_changes(read("model,input\nm,2\n"), {"m": shown}, "operator")
    assert (done.moved, len(done)) == (["m"], 0)
    assert Price.objects.get(model="m").input == 7
