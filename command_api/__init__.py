"""The write side: decides commands and appends their events to the log."""
