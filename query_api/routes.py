"""The routes of the query API: what may be asked, by whom, and how it is answered."""

from query_api import customer_routes, order_routes, report_routes

ROUTES = (
    *order_routes.ROUTES,
    *customer_routes.ROUTES,
    *report_routes.ROUTES,
)
