-- Sales by day of the report time zone and SKU; see product_sales_daily.py for what books where.
CREATE TABLE {reads}.product_sales_daily (
    day date NOT NULL,
    sku text NOT NULL,
    channel text NOT NULL,
    currency text NOT NULL,
    orders bigint NOT NULL,
    units_placed bigint NOT NULL,
    units_cancelled bigint NOT NULL,
    units_shipped bigint NOT NULL,
    units_returned bigint NOT NULL,
    gross_amount bigint NOT NULL,
    discount_amount bigint NOT NULL,
    net_amount bigint NOT NULL, -- gross less discount, cancelled and credits that name lines
    refunded_amount bigint NOT NULL, -- completed refunds that name lines, with tax
    PRIMARY KEY (day, sku, channel, currency)
)
WITH (fillfactor = 70);
