"""How an acknowledgement goes over the wire."""

from command_api.answers import Acknowledged
from shared import http, http_headers


def reply(answer: Acknowledged, log_id: str, query_url: str) -> http.Reply:
    """Answer a command. ETag and token are those of an order that exists: a dry run of a create has neither.

    `query_url` goes before the path in `Location`.
    """
    headers = []
    if answer.position:
        headers = [("ETag", answer.etag), ("Consistency-Token", str(http_headers.Token(log_id, answer.position)))]
    if answer.location is not None:
        headers.append(("Location", query_url + answer.location))
    if answer.replayed:
        headers.append(("Idempotent-Replayed", "true"))
    return http.json_reply(answer.body.encode(), answer.status, headers)
