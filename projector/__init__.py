"""The projector: posts the log to the read tables, live or all over again."""
