CREATE INDEX product_sales_daily_sku ON {reads}.product_sales_daily (sku, day);
