-- The log: events in one total order, sealed commit by commit, with what must be true beside them.

-- One row that every append locks first. It is never updated: an updated row slows down under a long snapshot.
CREATE TABLE {events}.gate (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton)
);
INSERT INTO {events}.gate DEFAULT VALUES;

CREATE TABLE {events}.event (
    position bigint PRIMARY KEY,
    stream_id uuid NOT NULL,
    version integer NOT NULL,
    type text NOT NULL,
    schema_version smallint NOT NULL,
    state text NOT NULL, -- the envelope and its data as exact JSON text: bytes count, so not jsonb
    recorded_at timestamptz NOT NULL,
    UNIQUE (stream_id, version)
);

-- One row per commit; the last one is the head of the log.
CREATE TABLE {events}.seal (
    position bigint PRIMARY KEY,
    digest bytea NOT NULL,
    recorded_at timestamptz NOT NULL
);

-- Promises of uniqueness: external ids per channel, order numbers.
CREATE TABLE {events}.claim (
    key text PRIMARY KEY,
    stream_id uuid NOT NULL
);

-- What was answered under an Idempotency-Key, byte for byte.
CREATE TABLE {events}.answer (
    principal text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    status smallint NOT NULL,
    body text NOT NULL,
    etag text NOT NULL,
    location text,
    position bigint NOT NULL,
    command_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (principal, key)
);
CREATE INDEX ON {events}.answer (created_at);

-- Commands given up while in doubt: an append that still arrives is turned away.
CREATE TABLE {events}.abandoned (
    command_id uuid PRIMARY KEY,
    abandoned_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The vault: personal data, which is never in the log and can be blanked for good.
CREATE TABLE {events}.contact (
    ref uuid PRIMARY KEY,
    order_id uuid,
    customer_id text,
    kind text NOT NULL,
    payload text NOT NULL, -- JSON; '{{}}' once erased
    erased_at timestamptz
);
CREATE INDEX ON {events}.contact (order_id);
CREATE INDEX ON {events}.contact (customer_id);

-- A random id made with the log, so that another history is never taken for this one.
CREATE TABLE {events}.log (
    id text NOT NULL DEFAULT left(replace(gen_random_uuid()::text, '-', ''), 12)
);
INSERT INTO {events}.log DEFAULT VALUES;

-- Order numbers, drawn in blocks of 100 per process: gaps are allowed, numbering costs no round trip.
CREATE SEQUENCE {events}.order_number INCREMENT BY 100;
