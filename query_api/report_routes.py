"""Reports: sums over many orders."""

from query_api import parameters, shapes
from query_api.parameters import Parser, any_of, one_of
from query_api.queries import sales_daily
from query_api.question import Question
from query_api.route import CHANNEL, CURRENCY, Route
from shared.http import Reply

SALES: dict[str, Parser] = {
    "from": parameters.day,
    "to": parameters.day,
    "group_by": one_of(*sales_daily.LABELS),
    "currency": CURRENCY,
    "channel": any_of(CHANNEL),
}


def sales(question: Question) -> Reply:
    """What was sold, by day, week or month."""
    wanted = question.parameters(SALES)
    asked = sales_daily.Asked(
        wanted.get("from"),
        wanted.get("to"),
        wanted.get("group_by", "day"),
        wanted.get("currency"),
        wanted.get("channel", ()),
    )
    found = sales_daily.report(question.read, asked)
    return question.reply_rendered(found.position, found.representation)


ROUTES = (Route("/v1/reports/sales", "reports:read", sales, shapes.Sales, SALES),)
