"""Every error code that the two APIs can answer (`domain.md` §1.6), in one table.

A code is the contract and never changes its meaning; titles and descriptions are for people.
`/problems/{code}` serves this table, and the tests walk it.
"""

import re
from dataclasses import dataclass

_TABLE = """
400 malformed_request: The request is not valid HTTP
    The request line, a header or the body's framing cannot be read, or the body ended early.
400 malformed_json: The body is not valid JSON
    The body must be one JSON object in UTF-8, without duplicate keys, NaN or Infinity, and not nested
    too deeply.
400 unknown_field: The body has a field nobody knows
    `errors` points at each unknown field. Nothing is ignored silently: a misspelt optional field would
    be.
400 unknown_parameter: The query string has an unknown parameter
    `errors` names each one. Nothing is ignored silently: a misspelt filter would answer too much.
400 invalid_parameter: A query parameter cannot be read
    `errors` names the parameter and what it must look like.
400 invalid_cursor: The cursor does not fit this request
    A cursor is only good for the filter and sort order it was made with. Start again without it.
400 invalid_consistency_token: The Consistency-Token cannot be used
    It is malformed, or was issued by another log. Send the token exactly as the write answered it.
400 position_unknown: The log does not reach that far
    The position is beyond the end of the log: it was read from another log, or from one that has since been restored
    from an older backup. What was read from it is no history of this one: start again from position 0.
400 idempotency_key_invalid: The Idempotency-Key cannot be read
    Send 1 to 255 visible ASCII characters, in double quotes or bare.
400 if_match_invalid: The If-Match header cannot be read
    Send the ETag as it was received (`"7"`), a list of them, or `*`.

401 unauthenticated: A valid bearer token is needed
    Send `Authorization: Bearer <token>`. The token is missing, malformed, expired, or signed with
    another key.
403 forbidden: The token lacks a scope
    `required_scope` names the scope that this route asks for.

404 order_not_found: No such order
    No order has this id; an id that is not a UUID can belong to none.
404 version_not_found: The order was never so
    It has no such version yet, or had not begun at that time.
404 line_not_found: No such line
    The order has no line with this id.
404 payment_not_found: No such payment
    The order has no payment with this id. Record it first.
404 refund_not_found: No such refund
    The order has no refund with this id.
404 shipment_not_found: No such shipment
    The order has no shipment with this id. Prepare it first.
404 return_not_found: No such return
    The order has no return with this id.
404 command_not_found: No command was applied under this key
    You have no answer stored under this Idempotency-Key: the command was not applied, or was answered longer ago
    than answers are kept. Send it again under the same key.
404 customer_not_found: No such customer
    No order names a customer with this id.
404 route_not_found: No such route
    Nothing is served at this path.

405 method_not_allowed: The route does not know this method
    The `Allow` header lists the methods it knows.
406 not_acceptable: Not offered in any form that is accepted
    The `Accept` header rules out `application/json`, and what the route offers beside it: CSV on lists and reports,
    Server-Sent Events on the event feed.
413 content_too_large: The body is too large
    `limit` is the largest body this route reads, in bytes.
415 unsupported_media_type: The body must be JSON
    Send `Content-Type: application/json`, in UTF-8; of a PATCH, `Accept-Patch` names the type it reads.
431 headers_too_large: The request line or headers are too large
    A request line and each header may have 8190 bytes, and there may be 100 headers.

409 order_not_draft: The order is not a draft
    Only a draft can be placed.
409 order_not_placed: The order is not placed
    Place the draft first; a draft takes no payments and cannot be confirmed.
409 order_not_confirmed: The order is not confirmed
    Confirm the order first.
409 order_not_amendable: The order cannot be amended any more
    Lines and prices are fixed once an order is confirmed; what it is now is in `order_status`.
409 order_cancelled: The order is cancelled
    A cancelled order takes only payment facts, refunds, notes and tags.
409 order_completed: The order is completed
    A completed order takes only payment facts, refunds, returns, notes and tags.
409 order_empty: The order has no lines
    A placed order needs at least one line.
409 order_would_be_empty: The order would have no lines left
    The last line of a placed order cannot be removed. Cancel the order instead.
409 contact_missing: Nobody to contact
    A placed order needs a `customer_id` or an e-mail address.
409 shipping_address_missing: No shipping address
    A placed order that requires shipping needs a shipping address.
409 quantity_exceeds_open: Not enough open quantity
    `open_quantity` is what is neither shipped, set aside nor cancelled.
409 line_partially_cancelled: The line has cancelled units
    Quantity and price of a line with cancelled units are frozen.
409 order_has_shipments: The order has shipments
    Units have left. Cancel the open units, then take the rest back as a return.
409 shipment_in_progress: A shipment is being prepared
    Dispatch or cancel the pending shipment first.
409 shipment_not_pending: The shipment is not pending
    Only a pending shipment can be dispatched or cancelled.
409 shipment_not_dispatched: The shipment is not dispatched
    Only a dispatched shipment can be delivered.
409 payment_required: The order is not paid for
    A prepaid order leaves only when it is authorised or paid; `missing_amount` is what lacks.
409 capture_exceeds_authorization: More captured than authorised
    `capturable_amount` is what is left of this payment's authorisation.
409 refund_exceeds_captured: More refunded than captured
    `refundable_amount` is what is left of this payment.
409 refund_quantity_exceeded: More units refunded than ordered
    The units of this line are already refunded.
409 refund_not_pending: The refund is not pending
    It has completed or failed already.
409 return_quantity_exceeded: More units returned than shipped
    Only shipped units that are not already in a return can be returned.
409 return_not_open: The return is closed
    It has been received or rejected already.
409 units_open: Units are still open
    Ship or cancel the open units first.
409 balance_outstanding: Money is outstanding
    `outstanding_amount` is what has still to be paid.
409 external_id_taken: The external id is taken
    `order_id` names the order of this channel that has it. Repeating a create is safe: this is that
    order.
409 number_taken: The order number is taken
    `order_id` names the order that has it.
409 order_id_taken: The order id is taken
    An order with this id exists already.
409 line_id_taken: The line id is taken
    Line ids are unique within an order and never used again.
409 duplicate_id: The id stands for something else
    The same id was recorded with other content; `errors` points at what differs.
409 limit_exceeded: A limit of the order is reached
    `limit` says how many an order can have.

409 concurrency_conflict retry-after=1: Others were faster, again and again
    The order changed under this command five times. Nothing was written; send it again.
412 version_mismatch: The order has changed
    `current_version` is where it stands and `events` what happened since. Read it again, then decide.

422 validation_failed: Fields are invalid
    `errors` lists every invalid field with a JSON pointer, a code and a sentence. No state of the order
    would accept them.
422 currency_mismatch: The currency is not the order's
    An order has one currency, fixed when it is created.
422 amount_out_of_range: A sum is too large
    Sums stay below 2^53, so that every JSON reader keeps them exact.
422 idempotency_key_reused: The Idempotency-Key was used for another request
    A key stands for one request: same method, path and body. Answers are kept for 72 hours; after that
    the ids of orders, payments and shipments still make repeats harmless.

501 head_not_known: Where the log ends is not known here
    `Prefer: freshness=strict` needs a service that reads the log itself: this one has no way to it
    (DAYBOOK_EVENTS_URL), or only to a standby, which may be behind. A Consistency-Token works here all the same.

500 internal_error: Something is broken on our side
    Nothing about the request is known to be wrong. `request_id` finds the reason in our log.
503 store_unavailable retry-after=2: The database does not answer
    `outcome` says whether this request was `not_applied` or is `unknown`: then send it again with the
    same Idempotency-Key. It says nothing of earlier requests with that key: `GET /v1/commands/{key}` does.
503 keys_unavailable retry-after=2: The token cannot be checked
    The identity provider that publishes the keys does not answer, and none are known yet. Nothing was done.
503 overloaded retry-after=1: Too many requests at once
    Nothing was done. Send it again a moment later.
503 read_model_behind retry-after=1: The read tables are not there yet
    They have not reached the Consistency-Token in the time given. Nothing is lost; ask again.
503 order_quarantined retry-after=60: The order cannot be shown
    Its events cannot be posted to the read tables; operators see it in `daybook status`.
"""
# status code [retry-after=seconds]: title, then the description, indented.
_ENTRY = re.compile(r"^(\d{3}) (\w+)(?: retry-after=(\d+))?: (.+)\n((?: {4}.+\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Kind:
    """What is known about a code before anything happens. `retry_after` in seconds."""

    status: int
    code: str
    title: str
    description: str
    retry_after: int | None

    @property
    def retryable(self) -> bool:
        """Whether the very same request may succeed a moment later."""
        return self.retry_after is not None


KINDS: dict[str, Kind] = {
    code: Kind(int(status), code, title, " ".join(description.split()), int(seconds) if seconds else None)
    for status, code, seconds, title, description in _ENTRY.findall(_TABLE)
}
