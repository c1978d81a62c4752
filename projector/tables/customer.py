"""What is known of a customer over all orders: not sums, so looked up anew in `order_list` when an order changes.

Drafts name a customer too, but only placed orders count. E-mail and name are those of the newest order that has them:
after an erasure, of one that came later.
"""

NAME = "customer"

FOUND_BY_SCAN = """
SELECT
    customer_id,
    (array_agg(email ORDER BY created_at DESC, order_id DESC) FILTER (WHERE email IS NOT NULL))[1] AS email,
    (array_agg(customer_name ORDER BY created_at DESC, order_id DESC) FILTER (WHERE customer_name IS NOT NULL))[1]
        AS name,
    min(placed_at) AS first_order_at,
    max(placed_at) AS last_order_at
FROM {reads}.order_list
WHERE customer_id IS NOT NULL
GROUP BY customer_id
"""

FOUND_BY_INDEX = """
SELECT
    customer_id,
    (
        SELECT o.email
        FROM {reads}.order_list o
        WHERE o.customer_id = touched.customer_id AND o.email IS NOT NULL
        ORDER BY o.created_at DESC, o.order_id DESC
        LIMIT 1
    ) AS email,
    (
        SELECT o.customer_name
        FROM {reads}.order_list o
        WHERE o.customer_id = touched.customer_id AND o.customer_name IS NOT NULL
        ORDER BY o.created_at DESC, o.order_id DESC
        LIMIT 1
    ) AS name,
    (SELECT min(o.placed_at) FROM {reads}.order_list o WHERE o.customer_id = touched.customer_id) AS first_order_at,
    (SELECT max(o.placed_at) FROM {reads}.order_list o WHERE o.customer_id = touched.customer_id) AS last_order_at
FROM unnest(%(customers)s::text[]) touched (customer_id)
WHERE EXISTS (SELECT FROM {reads}.order_list o WHERE o.customer_id = touched.customer_id)
"""
"""The same for a few customers, in a time that does not grow with their orders."""

UPSERT = """
INSERT INTO {{reads}}.customer AS present (
    customer_id,
    email,
    name,
    first_order_at,
    last_order_at,
    order_count,
    cancelled_count,
    erased_at
)
SELECT
    customer_id,
    found.email,
    found.name,
    found.first_order_at,
    found.last_order_at,
    coalesce(total.orders, 0),
    coalesce(total.cancelled_orders, 0),
    erasure.erased_at
FROM ({found}) found
LEFT JOIN LATERAL (
    SELECT
        sum(orders) AS orders,
        sum(cancelled_orders) AS cancelled_orders
    FROM {{reads}}.customer_total
    WHERE customer_total.customer_id = found.customer_id
) total ON true
LEFT JOIN {{reads}}.customer_erasure erasure USING (customer_id)
ORDER BY customer_id
ON CONFLICT (customer_id) DO UPDATE SET
    email = excluded.email,
    name = excluded.name,
    first_order_at = excluded.first_order_at,
    last_order_at = excluded.last_order_at,
    order_count = excluded.order_count,
    cancelled_count = excluded.cancelled_count,
    erased_at = excluded.erased_at
WHERE (
    present.email,
    present.name,
    present.first_order_at,
    present.last_order_at,
    present.order_count,
    present.cancelled_count,
    present.erased_at
) IS DISTINCT FROM (
    excluded.email,
    excluded.name,
    excluded.first_order_at,
    excluded.last_order_at,
    excluded.order_count,
    excluded.cancelled_count,
    excluded.erased_at
)
"""
"""Most events change nothing here, and then nothing is written."""

RECOMPUTE = UPSERT.format(found=FOUND_BY_INDEX)
"""Bring the customers in `%(customers)s` (text[]) up to date, after `order_list` and `customer_total`."""

RECOMPUTE_ALL = UPSERT.format(found=FOUND_BY_SCAN)
"""The same for all customers."""
