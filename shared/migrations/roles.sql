-- The four roles of a book (cluster-wide) and what they may do with this database. Safe to run again and again.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['{command_role}', '{projector_role}', '{query_role}', '{admin_role}'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
        IF NOT pg_catalog.pg_has_role(current_user, wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
        IF wanted IN ('{projector_role}', '{admin_role}')
            AND NOT pg_catalog.has_database_privilege(wanted, pg_catalog.current_database(), 'CREATE')
        THEN
            EXECUTE format('GRANT CREATE ON DATABASE %I TO %I', pg_catalog.current_database(), wanted);
        END IF;
    END LOOP;
    IF NOT pg_catalog.pg_has_role('{admin_role}', '{projector_role}', 'MEMBER') THEN
        GRANT {projector_role} TO {admin_role};
    END IF;
END
$$;
