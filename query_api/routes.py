"""The routes of the query API: what may be asked, by whom, and how it is answered."""

from query_api import customer_routes, event_routes, order_routes, report_routes, work_routes

ROUTES = (
    *order_routes.ROUTES,
    *customer_routes.ROUTES,
    *event_routes.ROUTES,
    *report_routes.ROUTES,
    *work_routes.ROUTES,
)
