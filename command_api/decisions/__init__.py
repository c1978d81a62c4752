"""What each kind of command comes to: guards, then events. Pure functions of command, order and the present."""
