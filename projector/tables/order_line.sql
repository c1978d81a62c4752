-- One row per line of an order, with where its units are.
CREATE TABLE {reads}.order_line (
    order_id uuid NOT NULL,
    line_id text NOT NULL,
    line_no integer NOT NULL, -- its place in the order as it is now
    sku text NOT NULL,
    name text NOT NULL,
    quantity bigint NOT NULL,
    unit_price_amount bigint NOT NULL,
    discount_amount bigint NOT NULL,
    tax_rate numeric,
    tax_amount bigint NOT NULL,
    total_amount bigint NOT NULL, -- as ordered; what cancellations took off is not
    open bigint NOT NULL,
    cancelled bigint NOT NULL,
    allocated bigint NOT NULL,
    shipped bigint NOT NULL,
    delivered bigint NOT NULL,
    return_requested bigint NOT NULL,
    returned bigint NOT NULL,
    refunded_amount bigint NOT NULL, -- by completed refunds that name the line
    PRIMARY KEY (order_id, line_id)
);
