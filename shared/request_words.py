"""What our own code adds to the WSGI environment of a request, for whoever tells of it."""

REQUEST_ID = "daybook.request_id"
"""Its id: the client's own if that is sane, else one of ours."""

BODY = "daybook.body"
"""What was read of its body."""

STATUS = "daybook.status"
"""The status of its answer; nothing, if there was none."""

ROUTE = "daybook.route"
"""The template of the route it met, and the names in its path with their values (or None)."""
