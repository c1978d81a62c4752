"""The embedded PostgreSQL of a data directory: one server, one owner, password-protected, loopback and socket only.

    .daybook/            belongs to whoever runs daybook
        lock             held by the one process that may start and stop the server; names it
        database-secret  the password of the administrator `daybook` (0600)
        postgres.log     what the server says
        postgres/        belongs to the account the server runs as: data, socket, if need be a copy of the programs

The server ends with the process that started it, however that ends (Linux; elsewhere the next owner ends it).
"""

from shared.embedded_postgres.errors import EmbeddedPostgresError
from shared.embedded_postgres.server import Server, opened

__all__ = ["EmbeddedPostgresError", "Server", "opened"]
