"""A connection that breaks while more has come over it than libpq reads at once."""

import fcntl
import os
import socket
import struct
import termios

from tests.support.posting import until

MUCH = 60_000
"""Bytes: several times what libpq reads at once."""


def break_while_there_is_much_to_read(connection, admin):
    """From now on nothing can be sent over it; libpq says so without a code, and takes the connection for whole."""
    connection.execute("LISTEN much")
    for number in range(20):
        admin.execute("SELECT pg_notify('much', %s)", [f"{number}{'x' * 7_000}"])
    wire = connection.pgconn.socket
    until(lambda: struct.unpack("i", fcntl.ioctl(wire, termios.FIONREAD, b"\0" * 4))[0] > MUCH, "much has come")
    with socket.socket(fileno=os.dup(wire)) as ours:
        ours.shutdown(socket.SHUT_WR)
