-- The log is never altered: not even its owner can do it by mistake.
CREATE FUNCTION {events}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% refused: the log is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Correct an order by a further command. Personal data lives in the contact vault.';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {events}.event
    FOR EACH STATEMENT EXECUTE FUNCTION {events}.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {events}.seal
    FOR EACH STATEMENT EXECUTE FUNCTION {events}.refuse_change();
