-- Where this generation stands in the log. One row: each batch sets it first, and its commit moves all tables with it.
CREATE TABLE {reads}.checkpoint (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    position bigint NOT NULL DEFAULT 0,
    generation uuid NOT NULL,
    retired boolean NOT NULL DEFAULT false, -- another generation has taken over: nothing is posted here any more
    log_id text NOT NULL,
    system_identifier bigint, -- of the cluster that holds the log; NULL where it may not be asked
    event_id uuid, -- envelope id of the event at `position`: another history has another one
    revision integer NOT NULL, -- of the projection code; see shared/order_document.py
    timezone text NOT NULL, -- in which sales are booked on days
    posted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
