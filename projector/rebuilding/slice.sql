-- How far each worker of a rebuild has come. Streams belong to slices by hash and are posted in order, so that
-- `stream_id` is all that somebody needs to know who goes on where this worker stopped.
CREATE TABLE {reads}.slice (
    slice integer PRIMARY KEY,
    slices integer NOT NULL,
    taken integer NOT NULL DEFAULT 0, -- by so many workers, one after the other: only the last one's chunks count
    head bigint NOT NULL, -- events up to here are posted by slices, later ones by batches
    stream_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- posted up to and with this one
    version integer NOT NULL DEFAULT 0,
    events bigint NOT NULL DEFAULT 0,
    orders bigint NOT NULL DEFAULT 0,
    finished boolean NOT NULL DEFAULT false
);
