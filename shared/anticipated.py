"""What can go wrong through no fault of the code, and is told to the operator in one sentence."""


class Anticipated(Exception):
    """The command cannot go on. The message is all that is shown: what is wrong, where, and what to do next."""
