"""Cases generated from the command API's document: whatever is sent, the answer is one that the document knows."""

from command_api.app import opened
from command_api.settings import Settings
from shared import auth
from tests.support.command_api import PAYMENT, SECRET, Api, bearer
from tests.support.generated import REAL, assert_clean, generated

ACCEPTED = ["2xx", "401", "403", "404", "409", "412", "422"]
"""What may become of a request that is as the schema says. Beside schemathesis's own list:

- 412: the schema cannot know at which version an order is.
- 422: rules between fields (a discount above its line's price, a line twice), sums beyond 2^53, a currency that is not
  the order's, a key used again. `test_requests*.py` are about them.
"""

IMPORT = {
    "include-name": "POST /v1/orders/import",
    # Bad orders do not spoil the others: they are refused by their results, in an answer of 200.
    "checks": {"negative_data_rejection": {"expected-statuses": ["200", "400", "401", "406", "415", "422"]}},
}


def test_every_answer_is_as_the_document_says(migrated):
    settings = Settings(
        book=migrated.book,
        events_url=migrated.events_url,
        verify=auth.shared_secret(SECRET),
        connections=4,
        deadline=60.0,  # a 503 of a busy machine is no answer that a good request may get
    )
    with opened(settings) as app:
        api = Api(app.test_client())
        orders = [api.created() for _ in range(8)]
        for order in orders[4:]:
            api.post(f"{order}/payments", PAYMENT | {"capture": True})
        for order in orders[5:]:
            api.post(f"{order}/confirm")
        REAL["uuid"] = [order.rpartition("/")[2] for order in orders]
        report = generated(
            app,
            bearer(ttl=3600),
            checks={"positive_data_acceptance": {"expected-statuses": ACCEPTED}},
            operations=[IMPORT],
        )
    assert_clean(report, at_least=1_500)
