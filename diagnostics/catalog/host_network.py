"""The lines in which programs say that they cannot listen at an address, or reach one."""

from typing import Final

import attrs

from diagnostics.catalog._refused import refused
from diagnostics.catalog._translations import IN_USE, NO_ADDRESS, REFUSED, one_of
from diagnostics.catalog.host import (
    AddressInUse,
    BindFailed,
    ConnectionRefused,
    PermissionDenied,
)
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


def _in_use(match: Match, context: Context) -> Finding | None:
    number = 48 if context.platform == "darwin" else 98
    return refused(AddressInUse, errno=number, errno_name="EADDRINUSE")(match, context)


def _listen(match: Match, context: Context) -> Finding | None:
    """
    Read Go's `listen tcp ADDRESS: bind: WORDS`, where the words are in the system's language.

    In which one they are nobody can know; by far the most are about an address in use.
    """
    words = match.group("words").lower()
    if "permission denied" in words or "forbidden by its access" in words:
        return refused(PermissionDenied, soft=False)(match, context)
    if "assign requested" in words or "not valid in its context" in words or "no such" in words:
        return refused(BindFailed, soft=False)(match, context)
    return refused(AddressInUse, soft=False)(match, context)


def _pool(match: Match, context: Context) -> None:
    # The words of the error may stand in the next line: these are long, and are wrapped.
    context.facts["asked-address"] = {"host": match.group("host"), "port": match.group("port")}


def _postgres_address(match: Match, context: Context) -> None:
    context.facts["asked-host"] = match.group("host")


def _postgres_port(match: Match, context: Context) -> Finding | None:
    host = context.facts.get("asked-host")
    return refused(ConnectionRefused, host=host)(match, context) if host else None


def _node_field(match: Match, context: Context) -> Finding | None:
    """The properties of an error, which Node prints one a line behind its stack."""
    kinds = {"EADDRINUSE": AddressInUse, "ECONNREFUSED": ConnectionRefused}
    code = match.group("code")
    if code:
        context.facts["node-code"] = code if code in kinds else None
        return None
    known = context.facts.get("node-code")
    if match.group("host"):
        context.facts["node-host"] = match.group("host")
        return None
    host = context.facts.pop("node-host", None)
    return refused(kinds[known], host=host)(match, context) if known else None


def _gunicorn(match: Match, context: Context) -> Finding | None:
    if match.group("host") is None:
        context.facts["gunicorn-in-use"] = True
        return None
    return None if "gunicorn-in-use" in context.facts else refused(BindFailed)(match, context)


def _no_listener(match: Match, context: Context) -> Finding | None:
    """Read the last words of servers that have said before what was refused, if that was kept."""
    finding = refused(BindFailed)(match, context)
    if finding is None or finding.role is Role.NOTE:
        return finding
    return attrs.evolve(finding, role=Role.AFTER_EFFECT)


_UNABLE: Final = r"(?:[Ff]ailed to|[Uu]nable to|[Cc]ould not|[Cc]ouldn't|[Cc]annot|[Cc]an't)"

SIGNATURES: Final = (
    Signature(
        name="go-listen",
        pattern=r"\blisten (?:tcp|udp)[46]? (?P<host>\[[^\]]*\]|[\w.-]*):(?P<port>\d{1,5}): (?:bind"
        r"|socket):"
        r" (?P<words>.+)",
        build=_listen,
        literals=("listen tcp", "listen udp"),
    ),
    Signature(
        name="address-in-use-text",
        pattern=r"(?:[Aa]ddress [Aa]lready [Ii]n [Uu]se|ADDRESS ALREADY IN USE|EADDRINUSE"
        r"|eaddrinuse"
        rf"|AddrInUse|[Ll]ocal [Aa]ddress in use|{one_of(IN_USE)})",
        build=_in_use,
        literals=(
            *("ddress already in use", "ddress Already In Use", "ADDRESS ALREADY IN USE"),
            *("ddress already In Use", "ddress already in Use", "ddress already In use"),
            *("ddress Already in use", "ddress Already in Use", "ddress Already In use"),
            *("EADDRINUSE", "eaddrinuse", "AddrInUse", "ocal address in use"),
            *("ocal Address in use", *IN_USE),
        ),
        generic=True,
    ),
    Signature(
        name="port-in-use-text",
        pattern=r"(?P<detail>\b[Pp]ort:? (?:\d{1,5} )?(?:is |was )?(?:already|currently) (?:in use"
        r"|allocated"
        r"|being used|bound|taken|occupied|used)"
        r"|\b[Pp]ort \d{1,5} (?:is |was )?(?:in use\b|not available|unavailable|occupied|taken)"
        r"|[Cc]onnection in use: |[Cc]annot find empty port in range|could ?n[o']t bind (?:to"
        r" )?(?:HTTP"
        r" server socket|port|the port)|already (?:listening|running) on (?:this )?port"
        r"|[Dd]o you already have another \w+ server running on (?:port|socket)"
        r"|[Aa]nother (?:process|program|instance|server) is (?:already )?(?:using|listening on)"
        r" (?:this |the )?port)",
        build=refused(AddressInUse),
        literals=(
            *(
                "you already have another ",
                "ort is already",
                "ort was already",
                "ort already",
                " is already ",
                " was already ",
            ),
            *(" already in use", " already allocated", " already being used", " already bound"),
            *(" already taken", " already occupied", " already used", " currently "),
            *(" in use", " not available", " unavailable", " occupied", " taken"),
            *("onnection in use: ", "annot find empty port", "bind HTTP", "bind to HTTP"),
            *("bind port", "bind to port", "bind the port", "bind to the port"),
            *("already listening on", "already running on", " using port", " using this port"),
            *(" using the port", " listening on port", " listening on this", " listening on the"),
        ),
        generic=True,
    ),
    Signature(
        name="bind-text",
        pattern=r"(?P<detail>[Cc]an(?:not|'t) assign requested address|EADDRNOTAVAIL"
        r"|AddrNotAvailable"
        r"|requested address is not valid in its context|[Ff]ailed to bind to (?:the )?address"
        r"|could not bind on any address out of|error while attempting to bind on address"
        r"|ZMQError: No such device|host not found in \"[^\"]+\" of the \"listen\" directive"
        rf"|{_UNABLE} (?:bind|listen)(?: to| on| at)?(?: the)?(?: TCP| server)?(?: socket| address"
        r"| endpoint| listener)?(?: to| on| at| for)?:? "
        r"[\[('\"]{0,3}(?:tcp://|https?://)?(?:[\w.*-]*|[0-9a-f:]+\]):\d{1,5}\b"
        rf"|{one_of(NO_ADDRESS)})",
        build=refused(BindFailed),
        literals=(
            *("assign requested address", "EADDRNOTAVAIL", "AddrNotAvailable"),
            *("not valid in its context", *NO_ADDRESS),
            *("ailed to bind", "ould not bind", "attempting to bind on address"),
            *("ZMQError: No such device", 'of the "listen" directive', "nable to bind"),
            *("ouldn't bind", "annot bind", "an't bind", "ailed to listen", "nable to listen"),
            *("ould not listen", "ouldn't listen", "annot listen", "an't listen"),
        ),
        generic=True,
    ),
    Signature(
        name="gunicorn-bind",
        pattern=r"\bConnection in use: |(?P<detail>Invalid address:|\] Can't connect to)"
        r" \('(?P<host>[^']*)', (?P<port>\d{1,5})\)",
        build=_gunicorn,
        literals=("Connection in use: ", "Invalid address: ('", "Can't connect to ('"),
    ),
    Signature(
        name="no-listener",  # Redis, Apache, sshd, PostgreSQL, gRPC
        pattern=r"(?P<detail>Failed listening on port (?P<port>\d{1,5})|no listening sockets"
        r" available, shutting down|Cannot bind any address|could not create any (?:TCP/IP"
        r"|Unix-domain) sockets|No address added out of total \d+ resolved)",
        build=_no_listener,
        literals=(
            *("Failed listening on port", "no listening sockets available", "bind any address"),
            *("could not create any", "No address added out of total"),
        ),
        generic=True,
    ),
    Signature(
        name="connection-refused-text",
        pattern=r"(?P<detail>[Cc]onnection [Rr]efused|CONNECTION REFUSED|ECONNREFUSED|econnrefused"
        r"|ConnectionRefused\b|was refused - did you specify the right host or port"
        rf"|Cannot connect to the Docker daemon|{one_of(REFUSED)})",
        build=refused(ConnectionRefused),
        literals=(
            *("onnection refused", "onnection Refused", "CONNECTION REFUSED", "ECONNREFUSED"),
            *("econnrefused", "ConnectionRefused", "was refused - did you specify"),
            *("Cannot connect to the Docker daemon", *REFUSED),
        ),
        generic=True,
    ),
    Signature(
        name="connect-call-failed",
        pattern=r"(?P<detail>Cannot connect to host) (?P<host>[\w.-]+):(?P<port>\d{1,5})"
        r" ssl:.*Connect call failed"
        r"|(?:\[Errno (?P<errno>111|61)\] )?(?P<detail_2>Connect call failed)"
        r" \('(?P<host_2>[^']*)', (?P<port_2>\d{1,5})",
        build=refused(ConnectionRefused),
        literals=("Connect call failed",),
        generic=True,
    ),
    Signature(
        name="http-pool",
        pattern=r"HTTPS?ConnectionPool\(host='(?P<host>[^']+)', port=(?P<port>\d{1,5})\)",
        build=_pool,
        literals=("ConnectionPool(host=",),
    ),
    Signature(
        name="postgres-asked-host",
        pattern=r"Is the server running on host \"(?P<host>[^\"]+)\"",
        build=_postgres_address,
    ),
    Signature(
        name="postgres-asked-port",
        pattern=r"TCP/IP connections on port (?P<port>\d{1,5})",
        build=_postgres_port,
    ),
    Signature(
        name="node-error-property",
        pattern=r"^\s* (?:code: '(?P<code>E[A-Z]+)'|address: '(?P<host>[^']+)'"
        r"|port: (?P<port>\d{1,5})),?\s*\}?\s*$",
        build=_node_field,
        literals=(" code: 'E", " address: '", " port: "),
    ),
)
