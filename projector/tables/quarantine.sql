-- Orders that stand still: an event of theirs could not be posted. What is derived from their documents stays at its
-- last good version, until `daybook retry`; their timeline goes on.
CREATE TABLE {reads}.quarantine (
    order_id uuid PRIMARY KEY, -- the stream
    version integer NOT NULL, -- of the first event that could not be posted
    position bigint NOT NULL, -- of the same
    type text NOT NULL,
    error text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
