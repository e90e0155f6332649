"""Why the database can't be used, and what the operator can do about it: by SQLite's code, SQLSTATE, or errno."""

import errno
import socket
import sqlite3
import ssl
from dataclasses import replace

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import Cause

_FULL = Cause("full", "The database's disk is full", "free some space, or set a retention for the largest channels")
_READ_ONLY = Cause("read_only", "The database can only be read", "check its permissions, its mount, and for a standby")
_DISK = Cause("disk", "The database's disk failed", "check the disk, its quota, and the system's log")
_FOREIGN = Cause(
    "schema", "The database is not this hub's", "check TIDEWIRE_DATABASE_URL, then run `tidewire db upgrade`"
)
_NO_DATABASE = Cause("no_database", "The file is no SQLite database", "check TIDEWIRE_DATABASE_URL")
_CAN_NOT_OPEN = Cause(
    "cant_open", "The database's file can't be opened", "check that it is a file, its folder, and their permissions"
)
_BUSY = Cause("busy", "The database is locked or busy", "find the program or transaction that holds its locks")
_TIMEOUT = Cause("timeout", "The database does not answer in time", "check its load and the network")
_LOGIN = Cause("login", "The database refuses the login", "check the user and password in TIDEWIRE_DATABASE_URL")
_UNKNOWN = Cause("unknown_database", "The database does not exist", "create it, or check TIDEWIRE_DATABASE_URL")
_RIGHTS = Cause("rights", "The database's user lacks a right", "make the user the owner of the database and its tables")
_CONNECTIONS = Cause(
    "connections", "The database accepts no more connections", "raise its limit, or lower TIDEWIRE_POOL_SIZE"
)
_STARTING = Cause("starting", "The database is starting or stopping", "wait, and read its log if it lasts")
_REFUSED = Cause(
    "refused",
    "The database can't be reached, because nothing listens at its address",
    "start the database, or check TIDEWIRE_DATABASE_URL",
)
_HOST = Cause(
    "unknown_host",
    "The database can't be reached, because its host is unknown",
    "check TIDEWIRE_DATABASE_URL and the name server",
)
_NETWORK = Cause("network", "The database can't be reached", "check the network and TIDEWIRE_DATABASE_URL")
_TLS = Cause("tls", "The connection to the database can't be encrypted as wanted", "check sslmode and the certificates")
_LOST = Cause("lost", "The connection to the database was lost", "check the network, and its log, if it lasts")
_FILES = Cause("files", "The process has no more file descriptors", "raise `ulimit -n`")
_MEMORY = Cause("memory", "The database has no more memory", "check the memory of its machine")
_DAMAGED = Cause("damaged", "The database is damaged, or failed inside", "read its own log, or restore a backup")
_OTHER = Cause("other", "The database refused", "read its log")

# SQLite's primary result codes (https://www.sqlite.org/rescode.html).
_BY_CODE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_NOTADB: _NO_DATABASE,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: _CAN_NOT_OPEN,
    sqlite3.SQLITE_PERM: _CAN_NOT_OPEN,
    sqlite3.SQLITE_AUTH: _CAN_NOT_OPEN,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_NOMEM: _MEMORY,
    sqlite3.SQLITE_SCHEMA: _FOREIGN,
    sqlite3.SQLITE_ERROR: _FOREIGN,  # A missing table or column: the hub's own statements are right.
}
# SQLSTATE, else its class (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_BY_STATE = {
    "28": _LOGIN,
    "3D000": _UNKNOWN,
    "3F": _FOREIGN,
    "42": _FOREIGN,
    "42501": _RIGHTS,
    "25006": _READ_ONLY,
    "53": _MEMORY,
    "53100": _FULL,
    "53300": _CONNECTIONS,
    "58": _DISK,
    "57P": _STARTING,
    "57014": _TIMEOUT,
    "55P03": _BUSY,
    "40": _BUSY,
    "08": _LOST,
    "XX": _DAMAGED,
}
_BY_ERRNO = {
    errno.ECONNREFUSED: _REFUSED,
    errno.ENOENT: _REFUSED,  # The socket's path.
    errno.EHOSTUNREACH: _NETWORK,
    errno.ENETUNREACH: _NETWORK,
    errno.ETIMEDOUT: _TIMEOUT,
    errno.ECONNRESET: _LOST,
    errno.EPIPE: _LOST,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _CAN_NOT_OPEN,
}


def cause_of(error: BaseException) -> Cause:
    """The cause of an outage, with the driver's own words as its detail."""
    origin = _origin(error)
    return replace(_kind(origin), detail=str(origin))


def _origin(error: BaseException) -> BaseException:
    """The driver's error, under SQLAlchemy's and its asyncpg layer's."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    below = error.__cause__
    return below if isinstance(below, asyncpg.PostgresError | asyncpg.InterfaceError | OSError) else error


def _kind(origin: BaseException) -> Cause:
    if isinstance(origin, sqlite3.Error):
        return _BY_CODE.get((getattr(origin, "sqlite_errorcode", None) or 0) & 0xFF, _OTHER)
    if isinstance(origin, asyncpg.PostgresError):
        state = origin.sqlstate or ""
        return next((_BY_STATE[state[:length]] for length in (5, 3, 2) if state[:length] in _BY_STATE), _OTHER)
    if isinstance(origin, socket.gaierror):
        return _HOST
    if isinstance(origin, ssl.SSLError) or "SSL" in str(origin):
        return _TLS
    if isinstance(origin, TimeoutError | PoolTimeout):
        return _TIMEOUT
    if isinstance(origin, asyncpg.InterfaceError):
        return _LOST
    if isinstance(origin, OSError):
        # asyncio joins what several addresses of a host answered into one error without a number.
        number = origin.errno or (errno.ECONNREFUSED if f"[Errno {errno.ECONNREFUSED}]" in str(origin) else 0)
        return _BY_ERRNO.get(number, _NETWORK)
    return _OTHER
