-- When personal data of a customer were last erased; `customer` shows it beside what orders say.
CREATE TABLE {reads}.customer_erasure (
    customer_id text COLLATE "C" PRIMARY KEY,
    erased_at timestamptz NOT NULL
);
