-- What outlives the generations of read tables: who projects, what operators ask for, how a rebuild goes.
GRANT USAGE ON SCHEMA {projector} TO {query_role};

-- One row per running projector. A row whose heartbeat is older than its lease belongs to a dead or frozen process.
CREATE TABLE {projector}.process (
    id uuid PRIMARY KEY,
    role text NOT NULL CHECK (role IN ('leader', 'standby')),
    host text NOT NULL,
    pid integer NOT NULL,
    backend_pid integer NOT NULL, -- of the session that writes and holds the leader's lock
    position bigint,
    log_id text,
    head_position bigint, -- the log's head as this process saw it: for readers without a way to the log
    head_recorded_at timestamptz,
    lease interval NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What operators and rebuilds ask of the leader. One row, read with every batch.
CREATE TABLE {projector}.control (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    paused_by text,
    paused_at timestamptz,
    handover_until timestamptz -- until then the leader is to give up its lock between two batches
);
INSERT INTO {projector}.control DEFAULT VALUES;

-- A rebuild or a verification under way. Without its session, a row was left behind by one that was killed.
CREATE TABLE {projector}.rebuild (
    purpose text PRIMARY KEY CHECK (purpose IN ('rebuild', 'verify')),
    generation uuid NOT NULL,
    phase text NOT NULL CHECK (phase IN ('building', 'merging', 'indexing', 'catching up', 'switching', 'comparing')),
    host text NOT NULL,
    pid integer NOT NULL,
    backend_pid integer NOT NULL, -- while this session lives, so does the rebuild
    workers integer NOT NULL,
    position bigint NOT NULL DEFAULT 0, -- events posted so far
    head_position bigint NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT ON {projector}.process, {projector}.control, {projector}.rebuild TO {query_role};
