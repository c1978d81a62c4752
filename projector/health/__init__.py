"""How the read side stands, and in plain words why it is behind: `daybook status`."""
