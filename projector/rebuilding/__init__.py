"""Posting everything again: `daybook rebuild`, from its workers to the switch, and back."""
