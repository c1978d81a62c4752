-- The one way into the log. A batch is a JSON array of commands:
--   {{"id": uuid, "expected": [stream, version]?, "claims": [key, …]?, "principal": text?, "key": text?,
--    "events": [{{stream_id, version, type, schema_version, state}}, …], "contacts": [{{ref, order_id, …}}, …]?,
--    "answer": {{fingerprint, status, body, etag, location, position}}?}}

-- The first reason why a command cannot be appended now, or NULL. Called with the gate locked.
CREATE FUNCTION {events}.obstacle(command jsonb) RETURNS jsonb LANGUAGE plpgsql
SET search_path = {events}, pg_temp AS $$
DECLARE
    hindrance jsonb;
    present integer;
BEGIN
    IF EXISTS (SELECT FROM abandoned a WHERE a.command_id = (command ->> 'id')::uuid) THEN
        RETURN '{{"outcome": "abandoned"}}';
    END IF;
    IF command ? 'key' THEN
        SELECT jsonb_build_object('outcome', 'replay', 'answer', to_jsonb(a)) INTO hindrance
        FROM answer a
        WHERE a.principal = command ->> 'principal' AND a.key = command ->> 'key';
        IF FOUND THEN
            RETURN hindrance;
        END IF;
    END IF;
    IF command ? 'claims' THEN
        SELECT jsonb_build_object('outcome', 'claimed', 'key', c.key, 'stream_id', c.stream_id) INTO hindrance
        FROM claim c
        WHERE c.key = ANY (ARRAY(SELECT jsonb_array_elements_text(command -> 'claims')))
        ORDER BY c.key
        LIMIT 1;
        IF FOUND THEN
            RETURN hindrance;
        END IF;
    END IF;
    IF command ? 'expected' THEN
        SELECT max(e.version) INTO present FROM event e WHERE e.stream_id = (command -> 'expected' ->> 0)::uuid;
        IF coalesce(present, 0) <> (command -> 'expected' ->> 1)::integer THEN
            RETURN jsonb_build_object('outcome', 'conflict', 'version', coalesce(present, 0));
        END IF;
    END IF;
    RETURN NULL;
END
$$;

-- Insert commands that have no obstacle behind position `head`; returns the last position of each and the
-- netstrings (https://cr.yp.to/proto/netstrings.txt) to seal. Raises unique_violation when they collide.
CREATE FUNCTION {events}.insert_commands(
    commands jsonb,
    head bigint,
    at timestamptz,
    OUT positions bigint[],
    OUT sealed text
) LANGUAGE plpgsql
SET search_path = {events}, pg_temp
SET plan_cache_mode = force_generic_plan -- planning anew costs twice as much as running
AS $$
DECLARE
    micros text := (extract(epoch FROM at) * 1000000)::bigint::text;
BEGIN
    WITH incoming AS (
        SELECT
            head + row_number() OVER (ORDER BY c.n, e.n) AS position,
            c.n AS command,
            (e.event ->> 'stream_id')::uuid AS stream_id,
            (e.event ->> 'version')::integer AS version,
            e.event ->> 'type' AS type,
            (e.event ->> 'schema_version')::smallint AS schema_version,
            e.event ->> 'state' AS state
        FROM jsonb_array_elements(commands) WITH ORDINALITY AS c (command, n),
            jsonb_array_elements(c.command -> 'events') WITH ORDINALITY AS e (event, n)
    ), inserted AS (
        INSERT INTO event (position, stream_id, version, type, schema_version, state, recorded_at)
        SELECT i.position, i.stream_id, i.version, i.type, i.schema_version, i.state, at FROM incoming i
    ), last AS (
        SELECT i.command, max(i.position) AS position FROM incoming i GROUP BY i.command
    )
    SELECT
        (SELECT string_agg(
            octet_length(i.position::text) || ':' || i.position || ',36:' || i.stream_id
            || ',' || octet_length(i.version::text) || ':' || i.version
            || ',' || octet_length(i.type) || ':' || i.type
            || ',' || octet_length(i.schema_version::text) || ':' || i.schema_version
            || ',' || octet_length(micros) || ':' || micros
            || ',' || octet_length(i.state) || ':' || i.state || ',',
            '' ORDER BY i.position
        ) FROM incoming i),
        ARRAY(
            SELECT l.position
            FROM generate_series(1, jsonb_array_length(commands)) AS n
            LEFT JOIN last l ON l.command = n
            ORDER BY n
        )
    INTO sealed, positions;

    IF jsonb_path_exists(commands, '$[*].claims') THEN
        INSERT INTO claim (key, stream_id)
        SELECT k.key, (c.command -> 'expected' ->> 0)::uuid
        FROM jsonb_array_elements(commands) AS c (command),
            jsonb_array_elements_text(c.command -> 'claims') AS k (key);
    END IF;
    IF jsonb_path_exists(commands, '$[*].contacts') THEN
        INSERT INTO contact (ref, order_id, customer_id, kind, payload)
        SELECT v.ref, v.order_id, v.customer_id, v.kind, v.payload
        FROM jsonb_array_elements(commands) AS c (command),
            jsonb_to_recordset(c.command -> 'contacts')
                AS v (ref uuid, order_id uuid, customer_id text, kind text, payload text);
    END IF;
    IF jsonb_path_exists(commands, '$[*].answer') THEN
        INSERT INTO answer (
            principal, key, fingerprint, status, body, etag, location, position, command_id, created_at
        )
        SELECT
            c.command ->> 'principal',
            c.command ->> 'key',
            a.fingerprint,
            a.status,
            a.body,
            a.etag,
            a.location,
            coalesce(positions[c.n], a.position),
            (c.command ->> 'id')::uuid,
            at
        FROM jsonb_array_elements(commands) WITH ORDINALITY AS c (command, n),
            jsonb_to_record(c.command -> 'answer')
                AS a (fingerprint text, status smallint, body text, etag text, location text, position bigint)
        WHERE c.command ? 'answer';
    END IF;
END
$$;

-- Append a batch: gapless positions in commit order, each command on its own, one seal. Returns one JSON outcome
-- per command, in order: appended {{position, recorded_at}} | replay {{answer}} | claimed {{key, stream_id}}
-- | conflict {{version}} | abandoned.
CREATE FUNCTION {events}.append(batch jsonb) RETURNS SETOF jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {events}, pg_temp AS $$
DECLARE
    head bigint;
    digest bytea;
    at timestamptz;
    part record;
    position bigint;
    sealed text := '';
    outcomes jsonb[] := '{{}}';
    hindrance jsonb;
    command jsonb;
    together boolean := true;
BEGIN
    PERFORM FROM gate FOR UPDATE;
    SELECT s.position, s.digest, s.recorded_at INTO head, digest, at
    FROM seal s ORDER BY s.position DESC LIMIT 1;
    head := coalesce(head, 0);
    digest := coalesce(digest, '');
    at := greatest(clock_timestamp(), at);
    position := head;

    -- Nearly always nothing is in the way: all at once. Else one by one, so that a conflict fails one command.
    IF jsonb_array_length(batch) > 1 THEN
        FOR command IN SELECT jsonb_array_elements(batch) LOOP
            IF obstacle(command) IS NOT NULL THEN
                together := false;
                EXIT;
            END IF;
        END LOOP;
        IF together THEN
            BEGIN
                part := insert_commands(batch, head, at);
                outcomes := ARRAY(
                    SELECT jsonb_build_object('outcome', 'appended', 'position', p, 'recorded_at', at)
                    FROM unnest(part.positions) WITH ORDINALITY AS u (p, n) ORDER BY n
                );
                sealed := coalesce(part.sealed, '');
                position := coalesce((SELECT max(p) FROM unnest(part.positions) AS u (p)), head);
            EXCEPTION WHEN unique_violation THEN
                together := false;
            END;
        END IF;
    ELSE
        together := false;
    END IF;

    IF NOT together THEN
        FOR command IN SELECT jsonb_array_elements(batch) LOOP
            hindrance := obstacle(command);
            IF hindrance IS NULL THEN
                BEGIN
                    part := insert_commands(jsonb_build_array(command), position, at);
                    position := coalesce(part.positions[1], position);
                    sealed := sealed || coalesce(part.sealed, '');
                    hindrance := jsonb_build_object(
                        'outcome', 'appended', 'position', part.positions[1], 'recorded_at', at
                    );
                EXCEPTION WHEN unique_violation THEN
                    hindrance := jsonb_build_object('outcome', 'conflict', 'version', NULL);
                END;
            END IF;
            outcomes := outcomes || hindrance;
        END LOOP;
    END IF;

    IF position > head THEN
        INSERT INTO seal (position, digest, recorded_at)
        VALUES (position, sha256(digest || convert_to(sealed, 'UTF8')), at);
    END IF;
    RETURN QUERY SELECT unnest(outcomes);
END
$$;

-- Settle commands in doubt: found in the log -> appended; else written down as abandoned, so that an append that
-- is still under way is turned away -> abandoned. Outcomes as of `append`, in order.
CREATE FUNCTION {events}.settle(batch jsonb) RETURNS SETOF jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = {events}, pg_temp AS $$
DECLARE
    command jsonb;
    first jsonb;
    last bigint;
BEGIN
    PERFORM FROM gate FOR UPDATE;
    FOR command IN SELECT jsonb_array_elements(batch) LOOP
        first := command -> 'events' -> 0;
        IF first IS NOT NULL THEN -- its text holds the command's id: equal text, the same event
            SELECT e.position + jsonb_array_length(command -> 'events') - 1 INTO last
            FROM event e
            WHERE e.stream_id = (first ->> 'stream_id')::uuid
                AND e.version = (first ->> 'version')::integer
                AND e.state = first ->> 'state';
        ELSE
            SELECT a.position INTO last
            FROM answer a
            WHERE a.principal = command ->> 'principal'
                AND a.key = command ->> 'key'
                AND a.command_id = (command ->> 'id')::uuid;
        END IF;
        IF FOUND THEN
            RETURN NEXT jsonb_build_object('outcome', 'appended', 'position', last);
        ELSE
            INSERT INTO abandoned (command_id) VALUES ((command ->> 'id')::uuid) ON CONFLICT DO NOTHING;
            RETURN NEXT jsonb_build_object('outcome', 'abandoned');
        END IF;
    END LOOP;
END
$$;
