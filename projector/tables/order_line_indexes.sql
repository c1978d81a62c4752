CREATE INDEX order_line_sku ON {reads}.order_line (sku, order_id);
