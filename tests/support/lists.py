"""Lists of orders that people ask for, and some that nobody should: usual values, rare ones, absent ones, mixed.

The values are those of `tests/benchmarks/seed_reads.py`.
"""

LISTS = (
    "",
    *(f"sort={sort}" for sort in ("-updated_at", "updated_at", "-placed_at", "placed_at")),
    *("sort=created_at", "sort=-grand_total_amount", "sort=number"),
    *("status=completed", "status=cancelled", "status=draft"),
    *("status=placed,confirmed&sort=created_at", "status=cancelled&sort=-grand_total_amount"),
    *("payment_status=paid", "payment_status=unpaid", "payment_status=partially_refunded"),
    "payment_status=unpaid,authorized&sort=-updated_at",
    *("fulfillment_status=delivered", "fulfillment_status=partially_shipped"),
    *("return_status=none", "return_status=requested"),
    *("channel=web", "channel=fair", "channel=nowhere"),
    *("tag=gift&sort=placed_at", "tag=recall", "tag=nobody"),
    *("attention=refund_due", "attention=overpaid,void_due"),
    *("ship_country=DE", "ship_country=IS", "ship_country=AQ", "ship_country=IS,JP,SE&sort=created_at"),
    *("customer_id=c-7", "customer_id=c-7&sort=number", "customer_id=nobody"),
    *("email=C-7@example.org", "number=SEED-00000777", "external_id=x", "channel=web&external_id=x"),
    *("sku=SKU-0042", "sku=SKU-0042&ship_country=IS", "sku=none", "tracking_number=JD0000000777"),
    *("currency=EUR", "currency=JPY", "currency=EUR&sort=-grand_total_amount&total_max=100000"),
    *("currency=EUR&total_min=100000", "currency=JPY&total_min=1"),
    *("imported=false", "imported=true"),
    *("created_from=2020-02-01", "created_to=2020-01-02&sort=-created_at"),
    *("placed_from=2020-01-02&placed_to=2020-01-03", "placed_from=2020-01-09", "placed_to=2020-01-02"),
    *("updated_from=2029-01-01", "updated_to=2020-01-02"),
    *("q=SEED-", "q=SEED-0000077", "q=c-7", "q=ada", "q=ada&sort=number", "q=grace hop", "q=zzz"),
    "status=cancelled&payment_status=voided&channel=fair",
    "status=completed&tag=recall&sort=updated_at",
    "q=seed-&status=cancelled&ship_country=IS",
    *("with_total=true", "with_total=true&status=completed", "with_total=true&tag=nobody", "with_total=true&q=ada"),
    "with_total=true&sku=SKU-0042",
)
