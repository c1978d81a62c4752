-- Every event of every stream, also of types unknown to this code: an order's history and the event feed.
CREATE TABLE {reads}.order_timeline (
    order_id uuid NOT NULL, -- the stream: an order's, or a customer's
    order_version integer NOT NULL,
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    schema_version smallint NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor_type text NOT NULL,
    actor_id text NOT NULL,
    command_id uuid NOT NULL,
    trace_id text,
    summary text NOT NULL,
    data text NOT NULL, -- the event's data, exact JSON
    PRIMARY KEY (order_id, order_version)
)
WITH (toast_tuple_target = 8160);
