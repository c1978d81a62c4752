"""How SQL renders a time as the `Timestamp` of `shared/events.py`."""

CANONICAL = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
