"""An order as it stood at a version: the fold of its first events, with the personal data of now."""

from hypothesis import given
from hypothesis import strategies as st

from query_api.order_history import as_it_stood
from shared.events import ContactChanged, OrderErased
from shared.order_document import OrderDocument, blank, decode, encode
from shared.order_document_shape import Customer
from tests.support.histories import VAULT as PEOPLE
from tests.support.histories import created, folded, history, placed
from tests.support.random_histories import VAULT, histories
from tests.support.walk import OTHER_CONTACT


def impersonal(document: OrderDocument) -> OrderDocument:
    """The document without anything that the vault or an erasure has a say in."""
    copied = decode(encode(document))
    copied.customer = Customer(copied.customer.customer_id, None, None, None, erased=False)
    copied.shipping_address = copied.billing_address = None
    for note in copied.notes:
        note.body = None
    return copied


@given(histories(), st.data())
def test_at_any_version_it_is_the_fold_of_so_many_events_contacts_aside(events, data):
    now = folded(events, VAULT)
    for version in {data.draw(st.integers(1, len(events))), len(events)}:
        stood = as_it_stood(events[:version], now)
        assert stood.version == version
        assert encode(impersonal(stood)) == encode(impersonal(folded(events[:version], VAULT)))


@given(histories(), st.booleans())
def test_at_the_last_version_it_is_the_stored_document(events, erased):
    now = folded(events, VAULT)
    if erased:
        blank(now)
    assert encode(as_it_stood(events, now)) == encode(now)


@given(histories())
def test_nothing_is_shown_that_the_document_of_now_does_not_show(events):
    now = folded(events, VAULT)
    blank(now)
    for version in range(1, len(events) + 1):
        stood = as_it_stood(events[:version], now)
        assert (stood.customer.email, stood.customer.name, stood.customer.phone) == (None, None, None)
        assert stood.shipping_address is None is stood.billing_address
        assert all(note.body is None for note in stood.notes)


def test_a_contact_reads_as_it_does_now_and_stays_erased_where_it_was():
    events = history(
        created(), placed(), OrderErased(fields=("contact",)), ContactChanged(contact_ref=str(OTHER_CONTACT))
    )
    now = folded(events, PEOPLE | VAULT)
    emails = [as_it_stood(events[:version], now).customer.email for version in (1, 2, 3, 4)]
    assert emails == ["other@example.org", "other@example.org", None, "other@example.org"]
    assert as_it_stood(events[:3], now).customer.erased


def test_without_events_there_was_no_order():
    assert as_it_stood([], folded(history(created()))) is None
