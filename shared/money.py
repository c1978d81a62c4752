"""Integer money: minor units and half-up shares (`domain.md` §1.2), and the exponents of ISO 4217.

Every amount is an `int` of minor units. Nothing here knows floats, and nothing recomputes a stored amount.
"""

MAX_AMOUNT = 9_999_999_999_999
MAX_SUM = 2**53 - 1
"""JSON numbers survive JavaScript up to here; a larger sum is refused as `amount_out_of_range`."""

_TWO = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC
CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES
KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR
NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT
TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
""".split()
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split()
_THREE = "BHD IQD JOD KWD LYD OMR TND".split()

EXPONENTS: dict[str, int] = dict.fromkeys(_TWO, 2) | dict.fromkeys(_ZERO, 0) | dict.fromkeys(_THREE, 3)
"""Currency → number of decimals. Copied into an order's first event: ISO exponents change, history must not."""


def share(amount: int, k: int, q: int) -> int:
    """The half-up share of `amount` for `k` of `q` units; 0 for none, all of it for all. Monotone in `k`."""
    return (2 * amount * k + q) // (2 * q)


def in_words(amount: int, currency: str, exponent: int) -> str:
    """An amount as people read it: `30.00 EUR`, `-1100 JPY`."""
    if not exponent:
        return f"{amount} {currency}"
    digits = str(abs(amount)).zfill(exponent + 1)
    return f"{'-' if amount < 0 else ''}{digits[:-exponent]}.{digits[-exponent:]} {currency}"
