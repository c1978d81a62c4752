CREATE INDEX attention_kind ON {reads}.attention (kind, since, order_id);
CREATE INDEX attention_since ON {reads}.attention (since, order_id, kind);
