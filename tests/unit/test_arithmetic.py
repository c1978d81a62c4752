"""The arithmetic of lines: the worked vectors, and what holds for all lines."""

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from command_api.arithmetic import gross, priced, tax_of, value
from command_api.commands import LineInput
from shared.money import MAX_AMOUNT


def line(quantity: int, unit_price: int, *, include: bool = False, **fields):
    sold = LineInput(sku="X", name="X", quantity=quantity, unit_price_amount=unit_price, **fields)
    return priced(sold, "L1", prices_include_tax=include)


def test_vector_a_exclusive_tax_with_a_discount_and_its_cancellation_unit_by_unit():
    mugs = line(3, 1999, discount_amount=600, tax_rate="0.19")
    assert (mugs.subtotal_amount, mugs.tax_amount, mugs.total_amount) == (5997, 1025, 6422)
    assert [value(mugs, k, prices_include_tax=False) for k in range(4)] == [0, 1799 + 342, 3598 + 683, 6422]


def test_vector_b_contained_tax_without_decimals():
    yen = line(1, 1100, include=True, tax_rate="0.1")
    assert (yen.tax_amount, yen.total_amount) == (100, 1100)


def test_vector_c_three_decimals_of_a_cent_are_rounded_once():
    us = line(1, 2499, tax_rate="0.1075")
    assert (us.tax_amount, us.total_amount + gross(644, 0, prices_include_tax=False)) == (269, 3412)


def test_vector_d_thousandths():
    kwd = line(1, 1250)
    assert (kwd.tax_amount, kwd.total_amount) == (0, 1250)


def test_a_tax_that_is_given_is_taken():
    assert line(1, 1000, tax_amount=7).total_amount == 1007
    assert line(1, 1000, tax_amount=0).total_amount == 1000
    assert line(1, 1000, include=True, tax_amount=7).total_amount == 1000


def test_a_charge_contains_its_tax_or_has_it_on_top():
    assert gross(490, 93, prices_include_tax=True) == 490
    assert gross(490, 93, prices_include_tax=False) == 583


def test_a_half_of_tax_is_rounded_up():
    assert tax_of(50, "0.01", prices_include_tax=False) == 1
    assert tax_of(49, "0.01", prices_include_tax=False) == 0
    assert tax_of(10, "0.25", prices_include_tax=False) == 3
    assert tax_of(3, "1", prices_include_tax=True) == 1


def test_shares_of_subtotal_and_discount_apart_would_not_be_monotone():
    """11 - 10 over 3 units would give 1, 0, 1; shares of the net amount do not."""
    cheap = line(3, 4, discount_amount=11)
    assert [value(cheap, k, prices_include_tax=False) for k in range(4)] == [0, 0, 1, 1]


rates = st.integers(0, 1_000_000).map(lambda millionths: f"{millionths // 10**6}.{millionths % 10**6:06d}")


@given(st.integers(0, MAX_AMOUNT), rates)
def test_tax_is_the_exact_one_rounded_half_up(net, rate):
    exact = net * Fraction(rate)
    assert tax_of(net, rate, prices_include_tax=False) == floor(exact + Fraction(1, 2))
    assert tax_of(net, rate, prices_include_tax=True) == net - floor(net / (1 + Fraction(rate)) + Fraction(1, 2))


@given(st.sampled_from(["0.19", "0.190", "0.190000", "0.2", "1", "1.0", "0"]), st.integers(0, MAX_AMOUNT))
def test_trailing_zeros_of_a_rate_do_not_count(rate, net):
    for include in (True, False):
        assert tax_of(net, rate, prices_include_tax=include) == tax_of(
            net, str(float(rate)), prices_include_tax=include
        )


@given(st.integers(1, 10_000), st.integers(0, 10**9), rates, st.booleans(), st.data())
def test_value_is_monotone_and_ends_at_the_total(quantity, unit_price, rate, include, data):
    discount = data.draw(st.integers(0, quantity * unit_price))
    k = data.draw(st.integers(0, quantity - 1))
    sold = line(quantity, unit_price, include=include, discount_amount=discount, tax_rate=rate)
    assert value(sold, 0, prices_include_tax=include) == 0
    assert value(sold, k, prices_include_tax=include) <= value(sold, k + 1, prices_include_tax=include)
    assert value(sold, quantity, prices_include_tax=include) == sold.total_amount


@given(st.integers(1, 1000), st.integers(0, 10**9), rates)
def test_i31_what_an_inclusive_line_comes_to_does_not_depend_on_its_rate(quantity, unit_price, rate):
    sold = line(quantity, unit_price, include=True, tax_rate=rate)
    assert sold.total_amount == quantity * unit_price
    assert 0 <= sold.tax_amount <= sold.total_amount
