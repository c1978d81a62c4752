"""What is known of a customer over all orders: not a sum, so it is recomputed from `order_list` when one changes."""

NAME = "customer"

RECOMPUTE = """
INSERT INTO {reads}.customer AS present (
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
    (array_agg(email ORDER BY created_at DESC, order_id DESC) FILTER (WHERE email IS NOT NULL))[1],
    (array_agg(customer_name ORDER BY created_at DESC, order_id DESC) FILTER (WHERE customer_name IS NOT NULL))[1],
    min(placed_at),
    max(placed_at),
    count(placed_at),
    count(placed_at) FILTER (WHERE status = 'cancelled'),
    max(erased_at)
FROM {reads}.order_list
LEFT JOIN {reads}.customer_erasure USING (customer_id)
WHERE
    customer_id IS NOT NULL
    AND (%(customers)s::text[] IS NULL OR customer_id = ANY(%(customers)s::text[]))
GROUP BY customer_id
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
"""Bring the customers in `%(customers)s` (text[]; NULL: all) up to date, after `order_list` has been written.

Drafts name a customer too, but only placed orders count. E-mail and name are those of the newest order that has them:
after an erasure, of one that came later. Most events change nothing here, and then nothing is written.
"""
