"""Epay's signature, and what its notices must be like to be believed."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.payments.gateways.epay import Epay, is_safe_to_ask, read_pairs, sign
from billing.payments.notice import NoticeRefused, Told

KEY = "merchant-key-1"
GATEWAY = Epay("https://pay.example.com", "1001", KEY)
FIELDS = {
    "money": "73.00",
    "name": "B1721000000000",
    "out_trade_no": "A1721000000000",
    "pid": "1001",
    "trade_no": "2024071500001",
    "trade_status": "TRADE_SUCCESS",
    "type": "alipay",
}


def signed(fields: dict[str, str], key: str = KEY) -> list[tuple[str, str]]:
    return [*fields.items(), ("sign", sign(fields, key)), ("sign_type", "MD5")]


def test_signature_vectors() -> None:
    form = (
        "device=pc&money=73.00&name=B1721000000000&notify_url=https://api.example.com/api/user/"
        "epay/notify&out_trade_no=A1721000000000&pid=1001&return_url=https://api.example.com/log"
        "&type=alipay"
    )
    assert sign(dict(parse_qsl(form)), "KEY123") == "c6bca434154c66b0cf99d8b2939337dd"
    assert sign({**FIELDS, "empty": "", "sign": "x"}, "KEY123") == (
        "f7069b93b067ae1893eabcfb6db3afbe"
    )


def test_good_notice_is_read() -> None:
    notice = GATEWAY.read_notice(signed(FIELDS))
    assert (notice.told, notice.number, notice.trade) == (
        Told.PAID,
        "A1721000000000",
        "2024071500001",
    )
    assert str(notice.money) == "73.00"
    assert "sign" not in notice.data


@given(name=st.sampled_from(sorted(FIELDS)), place=st.integers(0, 30), letter=st.characters())
def test_any_change_of_a_signed_value_is_refused(name: str, place: int, letter: str) -> None:
    value = FIELDS[name]
    at = place % len(value)
    changed = value[:at] + letter + value[at + 1 :]
    if changed == value:
        return
    pairs = [(key, changed if key == name else text) for key, text in signed(FIELDS)]
    with pytest.raises(NoticeRefused):
        GATEWAY.read_notice(pairs)


def test_repeated_upper_case_and_other_signatures_are_refused() -> None:
    good = signed(FIELDS)
    upper = [(name, text.upper() if name == "sign" else text) for name, text in good]
    other_type = [(name, "RSA" if name == "sign_type" else text) for name, text in good]
    for pairs in (
        [*good, ("money", "0.01")],
        [*good, ("trade_no", "2024071500001")],
        upper,
        other_type,
        signed(FIELDS, ""),
        signed(FIELDS, "another-key-2"),
        [pair for pair in good if pair[0] != "sign"],
    ):
        with pytest.raises(NoticeRefused):
            GATEWAY.read_notice(pairs)


def test_malformed_queries_are_refused_not_failed() -> None:
    for query, body in (("a=%ff", b""), ("", b"\xff"), ("&".join(["a=1"] * 1000), b"")):
        with pytest.raises(NoticeRefused):
            read_pairs(query, body)


def test_unsigned_answers_are_believed_over_https_or_inside_only() -> None:
    assert is_safe_to_ask("https://pay.example.com")
    assert is_safe_to_ask("http://127.0.0.1:8000")
    assert not is_safe_to_ask("http://pay.example.com")
    assert not is_safe_to_ask("http://8.8.8.8")
