-- What a projector tells about its own troubles, and what is known when nobody leads.

ALTER TABLE {projector}.process
    ADD COLUMN trouble text, -- why it cannot go on, as one sentence; NULL: all is well
    ADD COLUMN trouble_since timestamptz;

-- A pause is by somebody and since a time, or there is none.
ALTER TABLE {projector}.control
    ADD COLUMN last_led_at timestamptz, -- when the last leader that ended, or was forgotten, led
    ADD CHECK ((paused_by IS NULL) = (paused_at IS NULL));

-- A rebuild may be tried out or taken back, and one that was killed be gone on with.
ALTER TABLE {projector}.rebuild
    DROP CONSTRAINT rebuild_purpose_check,
    ADD CONSTRAINT rebuild_purpose_check CHECK (purpose IN ('rebuild', 'verify', 'dry run', 'rollback')),
    ADD COLUMN begun_at_position bigint NOT NULL DEFAULT 0; -- posted by those before it
