"""Shares, rounding and exponents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import EXPONENTS, MAX_AMOUNT, MAX_SUM, in_words, share

amounts = st.integers(0, MAX_SUM)
quantities = st.integers(1, 1_000_000)


@given(amounts, quantities)
def test_no_units_get_nothing_and_all_units_everything(amount, q):
    assert share(amount, 0, q) == 0
    assert share(amount, q, q) == amount


@given(amounts, quantities, st.data())
def test_a_share_is_the_exact_one_rounded_half_up(amount, q, data):
    k = data.draw(st.integers(0, q))
    exact_twice = 2 * amount * k
    assert -q < 2 * q * share(amount, k, q) - exact_twice <= q


@given(amounts, quantities, st.data())
def test_more_units_never_get_less(amount, q, data):
    k = data.draw(st.integers(0, q - 1))
    assert share(amount, k, q) <= share(amount, k + 1, q)


def test_a_half_is_rounded_up():
    assert [share(5, k, 10) for k in range(11)] == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_exponents_are_those_of_iso_4217():
    assert [EXPONENTS[currency] for currency in ("EUR", "JPY", "KWD", "GBP", "CLP", "BHD")] == [2, 0, 3, 2, 0, 3]
    assert all(len(currency) == 3 and currency.isupper() for currency in EXPONENTS)


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (3000, "EUR", "30.00 EUR"),
        (5, "EUR", "0.05 EUR"),
        (-105, "EUR", "-1.05 EUR"),
        (1100, "JPY", "1100 JPY"),
        (-1, "JPY", "-1 JPY"),
        (1250, "KWD", "1.250 KWD"),
    ],
)
def test_amounts_in_words(amount, currency, words):
    assert in_words(amount, currency, EXPONENTS[currency]) == words


def test_sums_survive_javascript_and_the_largest_amount_is_below():
    assert float(MAX_SUM) + 1 == 2**53
    assert MAX_AMOUNT < MAX_SUM
