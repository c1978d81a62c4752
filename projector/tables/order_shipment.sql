-- One row per parcel of an order.
CREATE TABLE {reads}.order_shipment (
    order_id uuid NOT NULL,
    shipment_id text NOT NULL,
    state text NOT NULL, -- pending, dispatched, delivered, cancelled
    carrier text,
    tracking_number text,
    units bigint NOT NULL,
    prepared_at timestamptz NOT NULL,
    dispatched_at timestamptz,
    delivered_at timestamptz,
    PRIMARY KEY (order_id, shipment_id)
);
