-- What a generation under construction has behind it, for whoever goes on after a kill. It goes when the generation is
-- complete: from then on the checkpoint says all.
CREATE TABLE {reads}.build (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    head bigint NOT NULL, -- events up to here are posted by slices, later ones by batches
    head_event_id uuid, -- of the event at `head`: another history has another one
    indexed text[] NOT NULL DEFAULT '{{}}' -- tables that are complete, with indexes and statistics
);
