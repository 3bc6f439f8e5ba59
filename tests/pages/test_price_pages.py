"""Prices in the console: both notations, import with a comparison, export, calculator, gaps."""

import csv
import io
import json
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from billing.models import HourlyTotal, Price, PriceDraft
from billing.models.price import PriceOrigin
from billing.price_lists import read_list
from chatapi.accounts.models import Group, User
from chatapi.console.models import AuditEntry
from tests.pages.rows import make_channel

pytestmark = pytest.mark.django_db
PRICES = "/admin/billing/price/"
HOSTILE = "<script>alert(1)</script>"


def bring(console: Client, text: str, name: str = "list.csv") -> str:
    """Uploads a list; gives the address of the comparison."""
    data = {"file": SimpleUploadedFile(name, text.encode())}
    answer = console.post(f"{PRICES}import/", data)
    assert answer.status_code == 302, answer.context["form"].errors
    return str(answer["Location"])


def ticks(console: Client, path: str) -> dict[str, str]:
    """model -> value of its box, of all rows."""
    parts = console.get(path).context["parts"]
    return {row["model"]: row["value"] for part in parts for row in part["rows"]}


def edit(console: Client, price: Price, **changes: str) -> object:
    path = f"{PRICES}{price.pk}/change/"
    form = console.get(path).context["adminform"].form
    shown = {name: form[name].value() for name in form.fields}
    data = {name: "" if value is None else value for name, value in (shown | changes).items()}
    answer = console.post(path, data)
    return None if answer.status_code == 302 else answer.context["adminform"].form.errors


def test_ratios_and_dollars_are_the_same_price(console: Client) -> None:
    price = Price.objects.create(model="m", input=1, output=3, origin=PriceOrigin.LIST)
    assert edit(console, price, model_ratio="1.25", completion_ratio="4") is None
    price.refresh_from_db()
    assert (price.input, price.output) == (Decimal("2.5"), Decimal(10))
    assert edit(console, price, input="3") is None
    price.refresh_from_db()
    assert (price.input, price.output, price.origin) == (3, 10, PriceOrigin.OPERATOR)
    entry = AuditEntry.objects.order_by("-pk")[0]
    assert (entry.action, entry.before, entry.after) == (
        "price.change",
        {"input": "2.5"},
        {"input": "3"},
    )
    assert edit(console, price) is None
    price.refresh_from_db()
    assert (price.input, price.output) == (3, 10)


@pytest.mark.parametrize(
    "changes",
    [
        {"model_ratio": "2", "input": "9"},
        {"model_ratio": "", "completion_ratio": "2"},
        {"model_ratio": "-1"},
        {"model_ratio": "NaN"},
        {"model_ratio": "1e20"},
        {"model_ratio": "900000"},
    ],
)
def test_contradictions_and_absurd_ratios_are_told(
    console: Client, changes: dict[str, str]
) -> None:
    price = Price.objects.create(model="m", input=1, output=3)
    assert edit(console, price, **changes)
    price.refresh_from_db()
    assert (price.input, price.output) == (1, 3)


def test_a_list_is_compared_and_only_what_is_ticked_is_taken(console: Client) -> None:
    Price.objects.create(model="old", input=1, output=2, origin=PriceOrigin.LIST)
    Price.objects.create(model="mine", input=1)
    Price.objects.create(model="gone", input=1, origin=PriceOrigin.LIST)
    path = bring(console, f"model,input,output\nold,1.5,2\nmine,9,\nnew,4,5\n{HOSTILE},1,1\n")
    page = console.get(path)
    assert HOSTILE not in page.content.decode()
    ticked = {r["model"] for part in page.context["parts"] for r in part["rows"] if r["is_ticked"]}
    assert ticked == {"old", "new", HOSTILE}
    assert Price.objects.get(model="old").input == 1
    boxes = ticks(console, path)
    console.post(path, {"take": [boxes["old"], boxes["gone"], boxes["new"]]})
    assert dict(Price.objects.values_list("model", "input")) == {
        "old": Decimal("1.5"),
        "mine": 1,
        "new": 4,
    }
    entry = AuditEntry.objects.get(action="prices.import")
    assert Decimal(entry.before["old"]["input"]) == 1
    assert Decimal(entry.after["old"]["input"]) == Decimal("1.5")
    assert console.get(path).status_code == 404


def test_a_price_that_moved_meanwhile_is_shown_again(console: Client) -> None:
    price = Price.objects.create(model="m", input=1)
    path = bring(console, "model,input\nm,2\n")
    boxes = ticks(console, path)
    Price.objects.filter(pk=price.pk).update(input=7)
    answer = console.post(path, {"take": [boxes["m"], "x", ":", "new:nobody"]}, follow=True)
    assert "left alone" in answer.content.decode()
    assert Price.objects.get(pk=price.pk).input == 7


@pytest.mark.parametrize("text", ["", "x", "model,input\na,-1\n", '{"a": {"input": NaN}}', "[[["])
def test_what_is_no_list_is_told(console: Client, text: str) -> None:
    data = {"file": SimpleUploadedFile("x", text.encode())}
    answer = console.post(f"{PRICES}import/", data)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not PriceDraft.objects.exists()


def test_a_draft_is_its_makers_alone(console: Client, admin: User, as_user: object) -> None:
    path = bring(console, "model,input\nm,2\n")
    browser: Client = as_user(admin)  # type: ignore[operator]
    assert browser.get(path).status_code == 404
    assert browser.post(path, {"take": "new:m"}).status_code == 404


def test_the_shipped_lists_change_nothing_right_after_installing(console: Client) -> None:
    answer = console.post(f"{PRICES}import/", {"source": "shipped"}, follow=True)
    new = answer.context["parts"][0]
    boxes = [row["value"] for row in new["rows"]]
    assert len(boxes) > 500
    console.post(answer.redirect_chain[-1][0], {"take": boxes})
    again = console.post(f"{PRICES}import/", {"source": "shipped"}, follow=True)
    assert again.context["is_same"]
    assert set(Price.objects.values_list("origin", flat=True)) == {PriceOrigin.LIST}


def test_exports_can_be_imported_again(console: Client) -> None:
    Price.objects.create(
        model="a", input=Decimal("0.1"), output=Decimal("0.3"), max_output_tokens=9
    )
    Price.objects.create(model="b", per_call=Decimal("0.05"))
    prices = {price.model: price for price in Price.objects.all()}
    raw = b"".join(console.get(f"{PRICES}export/csv/"))
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert [row["model"] for row in rows] == ["a", "b"]
    again = read_list(raw, prices).entries
    assert (again["a"]["input"], again["a"]["max_output_tokens"]) == (Decimal("0.1"), 9)
    ratios = console.get(f"{PRICES}export/ratios/").content
    assert json.loads(ratios)["ModelRatio"] == {"a": 0.05}
    found = read_list(ratios, prices).entries
    assert found["a"] == {"input": Decimal("0.1"), "output": Decimal("0.3")}


def test_the_calculator_charges_as_calls_are_charged(console: Client) -> None:
    Price.objects.create(model="m", input=2, output=8, cached_input=1)
    Group.objects.create(name="half", ratio=Decimal("0.5"))
    query = {
        "model": "m",
        "group": "half",
        "prompt_tokens": "1000",
        "completion_tokens": "500",
        "cached_tokens": "400",
    }
    page = console.get(f"{PRICES}calculator/", query)
    bill = page.context["bill"]
    # (600 × 2 + 400 × 1 + 500 × 8) / 1,000,000 × 500,000 units × 0.5
    assert bill.charged_units == 1400
    assert [line.quantity for line in bill.lines] == ["600", "400", "500"]
    others = {name: other.charged_units for name, other in page.context["others"]}
    assert others["default"] == 2800
    assert "half" not in others


@pytest.mark.parametrize(
    "query",
    [
        {"model": HOSTILE, "prompt_tokens": "5"},
        {"model": "m", "prompt_tokens": "-5"},
        {"model": "m", "prompt_tokens": "9" * 5000},
        {"model": "m", "completion_tokens": str(2**40)},
        {"model": "m", "images": "3"},
        {"model": "m", "group": "nobody"},
        {"model": "x" * 300},
        {"model": "m", "queries": "1", "characters": "2", "seconds": "3", "by_call": "on"},
    ],
)
def test_the_calculator_takes_anything(console: Client, query: dict[str, str]) -> None:
    page = console.get(f"{PRICES}calculator/", query)
    assert page.status_code == 200
    assert HOSTILE not in page.content.decode()


def test_models_without_a_price_are_listed(console: Client) -> None:
    Price.objects.create(model="priced", input=1)
    channel = make_channel(1)
    channel.models_text = f"priced,bare,{HOSTILE}"
    channel.save()
    HourlyTotal.objects.create(
        dimension="model", hour_at="2999-01-01T00:00:00Z", key="called", calls=5, units=9
    )
    assert "3 models are served or called without a price" in console.get(PRICES).content.decode()
    page = console.get(f"{PRICES}unpriced/")
    assert [row.model for row in page.context["rows"]] == ["called", HOSTILE, "bare"]
    assert HOSTILE not in page.content.decode()
