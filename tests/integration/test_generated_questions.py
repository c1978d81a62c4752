"""Cases generated from the query API's document: whatever is asked, the answer is one that the document knows."""

from tests.support.generated import REAL, assert_clean, generated
from tests.support.orders import capture, confirm, pay, prepare
from tests.support.reading import BEARER, open_shop

ANSWERED = ["2xx", "304", "400", "401", "403", "404"]
"""What may become of a request that is as the schema says. Beside schemathesis's own list:

- 400: rules between parameters: a cursor is good for one filter and sort order, a report spans 1 to 400 days and one
  currency. `test_query_parameters.py` and those of each route are about them.
"""


def test_every_answer_is_as_the_document_says(migrated):
    with open_shop(migrated) as shop:
        orders = [shop.place(customer_id="c-1") for _ in range(6)]
        for order in orders[2:]:
            shop.writing.handle(confirm(order))
            shop.writing.handle(pay(order, f"pi_{order}", 6422))
        for order in orders[3:]:
            shop.writing.handle(capture(order, f"pi_{order}", f"ch_{order}", 6422))
            shop.writing.handle(prepare(order, 1))
        position = shop.post()
        REAL["uuid"] = list(map(str, orders))
        REAL["consistency-token"] = [shop.token(1), shop.token(position)]
        REAL["cursor"] = [shop.get(f"/v1/orders?limit={limit}").json["next_cursor"] for limit in (1, 2, 3)]
        report = generated(
            shop.client.application,
            {"Authorization": BEARER},
            checks={"positive_data_acceptance": {"expected-statuses": ANSWERED}},
        )
    assert_clean(report, at_least=700)
