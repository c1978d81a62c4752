"""What our gunicorn worker adds to the WSGI environment; in a module of its own, which imports no server."""

IS_SERVING = "daybook.is_serving"
"""A function: False once the process has been asked to end. What takes long looks at it, and comes to an end."""
