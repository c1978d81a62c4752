CREATE INDEX fulfillment_queue_state ON {reads}.fulfillment_queue (state, confirmed_at, order_id);
CREATE INDEX fulfillment_queue_confirmed ON {reads}.fulfillment_queue (confirmed_at, order_id);
