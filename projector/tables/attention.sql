-- Why staff should look at an order. `since` may lie ahead: then it is for queries to hide the row until it has come.
CREATE TABLE {reads}.attention (
    order_id uuid NOT NULL,
    kind text NOT NULL,
    since timestamptz NOT NULL,
    amount bigint NOT NULL, -- of the order's currency; an import's adjustment may be negative
    detail text NOT NULL,
    PRIMARY KEY (order_id, kind)
);
