-- What a projector tells about its own troubles, and what is known when nobody leads.

ALTER TABLE {projector}.process
    ADD COLUMN trouble text, -- why it cannot go on, as one sentence; NULL: all is well
    ADD COLUMN trouble_since timestamptz;

-- A pause is by somebody and since a time, or there is none.
ALTER TABLE {projector}.control
    ADD COLUMN last_led_at timestamptz, -- when the last leader that ended, or was forgotten, led
    ADD CHECK ((paused_by IS NULL) = (paused_at IS NULL));

-- A rebuild may be tried out or taken back, what it replaced be dropped, and one that was killed be gone on with.
ALTER TABLE {projector}.rebuild
    DROP CONSTRAINT rebuild_purpose_check,
    ADD CONSTRAINT rebuild_purpose_check CHECK (purpose IN ('rebuild', 'verify', 'dry run', 'rollback', 'drop old')),
    ADD COLUMN begun_at_position bigint NOT NULL DEFAULT 0; -- posted by those before it

-- What the background verifier of the leader has looked at, in one generation of read tables.
CREATE TABLE {projector}.verified (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    generation uuid NOT NULL,
    orders bigint NOT NULL, -- looked at since this generation is live; one may be drawn again
    position bigint NOT NULL, -- at which the last look compared
    last_at timestamptz NOT NULL
);

-- Orders and customers whose rows are not what the log comes to. Names of columns only: the values may be personal.
CREATE TABLE {projector}.drift (
    kind text NOT NULL CHECK (kind IN ('order', 'customer')),
    subject text NOT NULL, -- its id
    tables jsonb NOT NULL, -- table → columns that differ; none: the row is missing, or should not be there
    position bigint NOT NULL, -- at which it was compared last
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, subject)
);

GRANT SELECT ON {projector}.verified, {projector}.drift TO {query_role};
