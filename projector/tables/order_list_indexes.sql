-- What lists go by: query_api/queries/order_filters.py has the conditions and the sort keys as they stand here.
-- Texts are compared as pg_c_utf8 does, so that they come in one order, and letters have one lower case, on every server.
CREATE INDEX order_list_created ON {reads}.order_list (created_at, order_id);
CREATE INDEX order_list_updated ON {reads}.order_list (updated_at, order_id);
CREATE INDEX order_list_placed ON {reads}.order_list ((coalesce(placed_at, 'infinity')), order_id);
CREATE INDEX order_list_total ON {reads}.order_list (grand_total_amount, order_id);
CREATE INDEX order_list_currency ON {reads}.order_list (currency, grand_total_amount, order_id);
CREATE INDEX order_list_customer ON {reads}.order_list (customer_id, created_at, order_id);
CREATE INDEX order_list_customer_placed ON {reads}.order_list (customer_id, placed_at) WHERE placed_at IS NOT NULL;
CREATE INDEX order_list_country ON {reads}.order_list (ship_country, created_at, order_id);
CREATE INDEX order_list_status ON {reads}.order_list (status, created_at, order_id);
-- Where nearly all orders end up, the order of creation finds enough of them; where they rarely are, it does not.
CREATE INDEX order_list_payment ON {reads}.order_list (payment_status, created_at, order_id)
    WHERE payment_status <> 'paid';
CREATE INDEX order_list_fulfillment ON {reads}.order_list (fulfillment_status, created_at, order_id)
    WHERE fulfillment_status <> 'delivered';
CREATE INDEX order_list_return ON {reads}.order_list (return_status, created_at, order_id)
    WHERE return_status <> 'none';
CREATE INDEX order_list_open ON {reads}.order_list ((coalesce(placed_at, 'infinity')), order_id)
    WHERE status IN ('placed', 'confirmed');
CREATE INDEX order_list_cancelled ON {reads}.order_list (grand_total_amount, order_id) WHERE status = 'cancelled';
CREATE INDEX order_list_imported ON {reads}.order_list (created_at, order_id) WHERE imported;
CREATE UNIQUE INDEX order_list_number ON {reads}.order_list (number);
CREATE UNIQUE INDEX order_list_external_id ON {reads}.order_list (channel, external_id);
CREATE INDEX order_list_search_number
    ON {reads}.order_list ((coalesce(lower(number COLLATE pg_c_utf8), U&'\+10FFFF')), order_id);
CREATE INDEX order_list_search_email ON {reads}.order_list (lower(email COLLATE pg_c_utf8));
CREATE INDEX order_list_search_name ON {reads}.order_list (lower(customer_name COLLATE pg_c_utf8));
CREATE INDEX order_list_tags ON {reads}.order_list USING gin (tags);
CREATE INDEX order_list_attention ON {reads}.order_list USING gin (attention);
