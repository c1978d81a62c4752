-- How far each worker of a rebuild has come. A slice is a range of streams, posted in order, so that `stream_id` is all
-- that somebody needs to know who goes on where this worker stopped.
CREATE TABLE {reads}.slice (
    slice integer PRIMARY KEY,
    taken integer NOT NULL DEFAULT 0, -- by so many workers, one after the other: only the last one's chunks count
    head bigint NOT NULL, -- events up to here are posted by slices, later ones by batches
    stream_id uuid NOT NULL, -- posted up to and with this one
    version integer NOT NULL,
    last_stream uuid NOT NULL, -- of the slice
    events bigint NOT NULL DEFAULT 0,
    orders bigint NOT NULL DEFAULT 0,
    finished boolean NOT NULL DEFAULT false
);
