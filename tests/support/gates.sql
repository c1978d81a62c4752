-- Places where a rebuild can be made to stand still: what passes there waits for a lock that the test holds.
CREATE SCHEMA gate;
GRANT USAGE ON SCHEMA gate TO PUBLIC;
CREATE TABLE gate.closed (place text PRIMARY KEY, passing integer NOT NULL); -- so many pass, the next one waits
GRANT SELECT ON gate.closed TO PUBLIC;

CREATE FUNCTION gate.pass(at text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- A sequence per place: it also counts what is rolled back.
    IF EXISTS (
        SELECT FROM gate.closed c WHERE c.place = at AND nextval(format('gate.%I', c.place)::regclass) > c.passing
    ) THEN
        PERFORM pg_advisory_xact_lock_shared(4711, hashtext(at));
    END IF;
END
$$;

CREATE FUNCTION gate.row_passes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gate.pass(TG_ARGV[0]);
    RETURN coalesce(NEW, OLD);
END
$$;

CREATE FUNCTION gate.phase_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.phase <> OLD.phase THEN
        PERFORM gate.pass(CASE WHEN TG_OP = 'DELETE' THEN 'ended' ELSE NEW.phase END);
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$;
CREATE TRIGGER gate BEFORE UPDATE OR DELETE ON projector.rebuild FOR EACH ROW EXECUTE FUNCTION gate.phase_begins();

CREATE FUNCTION gate.statement_begins() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM gate.pass(TG_TAG);
END
$$;
CREATE EVENT TRIGGER gate_statements ON ddl_command_start
    WHEN TAG IN ('CREATE INDEX', 'DROP TABLE', 'ALTER SCHEMA')
    EXECUTE FUNCTION gate.statement_begins();

-- Every chunk of a slice, every batch of a catch-up.
CREATE FUNCTION gate.table_made() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
    made text;
BEGIN
    FOR made IN
        SELECT object_identity
        FROM pg_event_trigger_ddl_commands()
        WHERE object_identity ~ '^reads_(next|check)\.(slice|checkpoint)$'
    LOOP
        EXECUTE format(
            'CREATE TRIGGER gate BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION gate.row_passes(%L)',
            made,
            split_part(made, '.', 2)
        );
    END LOOP;
END
$$;
CREATE EVENT TRIGGER gate_tables ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION gate.table_made();
