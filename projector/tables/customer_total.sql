-- What a customer's placed orders come to, per currency.
CREATE TABLE {reads}.customer_total (
    customer_id text COLLATE "C" NOT NULL,
    currency text NOT NULL,
    orders bigint NOT NULL,
    cancelled_orders bigint NOT NULL,
    ordered_amount bigint NOT NULL, -- before cancellations
    cancelled_amount bigint NOT NULL,
    captured_amount bigint NOT NULL,
    refunded_amount bigint NOT NULL, -- completed refunds
    net_amount bigint NOT NULL, -- ordered less cancelled less credits
    units bigint NOT NULL, -- before cancellations
    PRIMARY KEY (customer_id, currency)
)
WITH (fillfactor = 70);
