-- One row per customer whom an order names. Counts are of placed orders; a customer of drafts only has none.
CREATE TABLE {reads}.customer (
    customer_id text COLLATE "C" PRIMARY KEY,
    email text, -- of the newest order that has one
    name text,
    first_order_at timestamptz,
    last_order_at timestamptz,
    order_count integer NOT NULL,
    cancelled_count integer NOT NULL,
    erased_at timestamptz
)
WITH (fillfactor = 85);
