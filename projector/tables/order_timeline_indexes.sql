CREATE UNIQUE INDEX order_timeline_position ON {reads}.order_timeline (position);
