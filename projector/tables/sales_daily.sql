-- Sales by day of the report time zone; see sales_daily.py for what books where.
CREATE TABLE {reads}.sales_daily (
    day date NOT NULL,
    channel text NOT NULL,
    currency text NOT NULL,
    orders_placed bigint NOT NULL,
    orders_cancelled bigint NOT NULL,
    units_placed bigint NOT NULL,
    units_cancelled bigint NOT NULL,
    gross_amount bigint NOT NULL,
    discount_amount bigint NOT NULL,
    tax_amount bigint NOT NULL,
    shipping_amount bigint NOT NULL,
    adjustment_amount bigint NOT NULL,
    cancelled_amount bigint NOT NULL,
    captured_amount bigint NOT NULL,
    refunded_amount bigint NOT NULL,
    credit_amount bigint NOT NULL,
    net_sales_amount bigint NOT NULL, -- gross less discount, cancelled and credit
    PRIMARY KEY (day, channel, currency)
)
WITH (fillfactor = 70);
