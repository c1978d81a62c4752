CREATE INDEX customer_email ON {reads}.customer (lower(email COLLATE pg_c_utf8), customer_id);
