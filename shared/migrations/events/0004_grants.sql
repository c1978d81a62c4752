-- Who may do what with the log (privileges are files, so that they can be read).
GRANT USAGE ON SCHEMA {events} TO {command_role}, {projector_role}, {query_role}, {admin_role};

GRANT SELECT ON ALL TABLES IN SCHEMA {events} TO {command_role}, {projector_role}, {admin_role};
GRANT USAGE ON SEQUENCE {events}.order_number TO {command_role};
GRANT SELECT ON {events}.seal TO {query_role};

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {events} FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {events}.append(jsonb), {events}.settle(jsonb) TO {command_role};
