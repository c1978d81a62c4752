"""The console at `/console`: what people see of Daybook. Pages are rendered here, and only ever read."""
