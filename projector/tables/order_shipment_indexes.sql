CREATE INDEX order_shipment_tracking_number ON {reads}.order_shipment (tracking_number);
