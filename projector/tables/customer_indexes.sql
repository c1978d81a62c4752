CREATE INDEX customer_email ON {reads}.customer (lower(email));
