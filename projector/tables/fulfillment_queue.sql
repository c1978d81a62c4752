-- Confirmed orders with open units. Orders that need no shipping are never here.
CREATE TABLE {reads}.fulfillment_queue (
    order_id uuid PRIMARY KEY,
    number text NOT NULL,
    confirmed_at timestamptz NOT NULL, -- of an import that does not say: placed_at
    state text NOT NULL, -- in_progress: a parcel is being prepared; blocked_payment: not paid for; ready
    units_open bigint NOT NULL,
    lines jsonb NOT NULL, -- line_id, sku, name, open
    ship_country text,
    customer_name text,
    missing_amount bigint NOT NULL -- to be paid or authorised before a parcel may leave
);
