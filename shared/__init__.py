"""The contract between the write side, the projector and the read side."""
