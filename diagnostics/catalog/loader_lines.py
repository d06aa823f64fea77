"""What the dynamic loaders of Linux, macOS and Windows say, and those who ask them."""

from typing import Final

from diagnostics.catalog._building import finds, role_here
from diagnostics.catalog._translations import BAD_IMAGE, NO_FILE, NO_MODULE, NO_PROCEDURE, one_of
from diagnostics.catalog.loader import (
    GlibcVersion,
    ImportErrorMissingLibrary,
    ImportErrorUndefinedSymbol,
    LoaderError,
)
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


def _relocating(match: Match, context: Context) -> Finding | None:
    """Read musl's line for a symbol, which is an after-effect of a library that it did not find."""
    role = role_here(ImportErrorUndefinedSymbol, match, context, soft=False)
    if role is None:
        return None
    if role is not Role.NOTE and context.facts.get("library-missing"):
        role = Role.AFTER_EFFECT
    return ImportErrorUndefinedSymbol(
        role=role, library=match.group("library"), symbol=match.group("symbol")
    )


def _missing(match: Match, context: Context) -> Finding | None:
    if "MESA-LOADER" in match.string or "libGL error" in match.string:
        return None  # it tries the next driver
    context.facts["library-missing"] = True
    return finds(ImportErrorMissingLibrary)(match, context)


def _unfit(match: Match, context: Context) -> Finding | None:
    context.facts["library-missing"] = True
    return finds(LoaderError)(match, context)


def _dlopen(match: Match, context: Context) -> Finding | None:
    """Read dyld's list of what it tried: the file may be missing everywhere, or be unfit."""
    if any(words in match.string for words in _UNFIT):
        return finds(LoaderError)(match, context)
    if any(words in match.string for words in ("Library not loaded", "ymbol not found")):
        return None
    return finds(ImportErrorMissingLibrary)(match, context)


_UNFIT: Final = (
    "incompatible architecture",
    "not a mach-o",
    "wrong architecture",
    "code signature",
    "LC_RPATH",
    "unknown file type",
    "file too short",
    "not valid for use in process",
    "built for ",
    "slice is not valid",
    "malformed",
    "truncated",
)
_NOT_OPENED: Final = rf": cannot open shared object file: (?:No such file|{one_of(NO_FILE)})"
_IMPORTING: Final = r"DLL [Ll]oad [Ff]ailed(?: while importing (?P<library>[\w.]+))?: +"

SIGNATURES: Final = (
    Signature(
        name="loader-missing-library",
        pattern=r"(?P<library>[^\s:'\"(]*[^\s:'\"(/]+)" + _NOT_OPENED,
        build=_missing,
        literals=(": cannot open shared object file: ",),
    ),
    Signature(
        name="loader-missing-library-musl",
        pattern=r"Error loading shared library (?P<library>[^\s:]+): No such file or directory"
        r"(?: \(needed by (?P<required_by>[^)]+)\))?",
        build=_missing,
        literals=("Error loading shared library ",),
    ),
    Signature(
        name="loader-missing-library-macos",
        pattern=r"Library not loaded: '?(?P<library>[^\s']+)",
        build=finds(ImportErrorMissingLibrary),
    ),
    Signature(
        name="loader-dlopen-macos",
        pattern=r"dlopen\((?P<library>[^,)]+), (?:0x)?[0-9A-Fa-f]+\): (?P<detail>tried: |image not"
        r" found"
        r"|no suitable image found|.*incompatible architecture|.*not a mach-o|.*code signature)",
        build=_dlopen,
        literals=("dlopen(",),
        generic=True,
    ),
    Signature(
        name="loader-missing-library-windows",
        pattern=rf"(?P<detail>{_IMPORTING}{one_of(NO_MODULE)})"
        r"|Could not find module '(?P<library_4>[^']+)' \(or one of its dependencies\)"
        r"|because (?P<library_2>[\w.+-]+\.dll) (?:was not found|is missing)"
        r"|\[WinError 126\] (?P<detail_2>[^\"]*)(?:\"(?P<library_3>[^\"]+)\")?",
        build=_missing,
        literals=(
            *(
                "DLL load failed",
                "DLL Load Failed",
                "DLL Load failed",
                "DLL load Failed",
                "or one of its dependencies",
                ".dll was not found",
                ".dll is missing",
                "[WinError 126]",
            ),
        ),
    ),
    Signature(
        name="loader-named-library",  # Java, .NET, cffi, llama-cpp-python, Julia, Ruby, Node
        pattern=r"UnsatisfiedLinkError: no (?P<library>[\w.+-]+) in (?:java\.library\.path|system"
        r" library path)"
        r"|Unable to load (?:shared library|DLL|native library) '(?P<library_2>[^']+)'"
        r"|[Ss]hared library with base name '(?P<library_3>[^']+)' not found"
        r"|[\s:](?P<library_8>lib[\w.+-]+\.(?:so[\d.]*|dylib)|[\w.+-]+\.dll) not found"
        r"|[Cc]ould not load library \"(?P<library_4>[^\"]+)\""
        r"|cannot load library '(?P<library_5>[^']+)'"
        r"|(?P<library_6>lib[\w.+-]+\.so[\w.]*) must be installed for pthread_(?:exit|cancel) to"
        r" work"
        r"|[Cc]ould not (?:find|locate) (?:the )?(?:shared |native )?library"
        r" '?(?P<library_7>[\w./+-]+)",
        build=_missing,
        literals=(
            " not found",
            *("UnsatisfiedLinkError: no ", "Unable to load shared library", "Unable to load DLL"),
            *("Unable to load native library", "ibrary with base name ", "ould not load library "),
            *("cannot load library ", " must be installed for pthread_", "ould not find library"),
            *("ould not find the ", "ould not locate the ", "ould not locate library"),
            *("ould not find shared library", "ould not find native library"),
            *("ould not locate shared library", "ould not locate native library"),
        ),
        generic=True,
    ),
    Signature(
        name="loader-dlopen-failed",
        pattern=r"(?:[Ff]ailed to|[Cc]ould ?n[o']t|[Cc]annot|[Uu]nable to)"
        r" (?:dlopen|load (?:\w+ )?(?:dynamic|shared) library)"
        r"(?: ['\"`]?(?P<library>[^\s'\"`;:,()]+)| \(searched|$)",
        build=finds(ImportErrorMissingLibrary, soft=False),
        literals=(
            "to dlopen",
            "ot dlopen",
            "'t dlopen",
            " dynamic library",
            " shared library",
        ),
        generic=True,
    ),
    Signature(
        name="glibc-version",
        pattern=r"(?:(?P<library>/\S+): )?version "
        r"[`'\x{2018}](?P<symbol_version>[A-Z]+_[\w.]+)['\x{2019}]"
        r" not found"
        r"(?: \(required by (?P<required_by>[^)\s]+)\)?)?",
        build=finds(GlibcVersion),
        literals=("version `", "version '", "version \u2018"),
    ),
    Signature(
        name="loader-undefined-symbol",
        pattern=r"(?:(?P<library>[^\s:]+): )?undefined symbol: (?P<symbol>[^\s,]+)"
        r"|relocation error: (?P<library_2>[^\s:]+): symbol (?P<symbol_2>[^\s,]+),? version \S+ not"
        r" defined"
        r"|(?:(?P<library_3>[^\s:]+): )?symbol (?P<symbol_3>[^\s,:]+),? version \S+ not defined in"
        r" file",
        build=finds(ImportErrorUndefinedSymbol),
        literals=("undefined symbol: ", "relocation error: ", "not defined in file"),
    ),
    Signature(
        name="loader-undefined-symbol-musl",
        pattern=r"Error relocating (?P<library>[^\s:]+): (?P<symbol>[^\s:]+): symbol not found",
        build=_relocating,
        literals=("Error relocating ",),
    ),
    Signature(
        name="loader-relocation-musl",
        pattern=r"Error relocating (?P<library>[^\s:]+): (?P<detail>unsupported relocation type \d+"
        r"|cannot .*|R_\w+ .*)",
        build=_unfit,
        literals=("Error relocating ",),
    ),
    Signature(
        name="loader-undefined-symbol-macos",
        pattern=r"[Ss]ymbol not found(?:: \(?'?| in flat namespace:? \(?'?| \(?')"
        r"(?P<symbol>_?[^\s')]+)"
        r"|dyld\S*: missing (?P<symbol_2>symbol) called",
        build=finds(ImportErrorUndefinedSymbol),
        literals=(
            "ymbol not found: ",
            "ymbol not found in flat",
            "ymbol not found '",
            "ymbol not found ('",
            "missing symbol called",
        ),
    ),
    Signature(
        name="loader-undefined-symbol-other",  # Windows, .NET
        pattern=rf"{_IMPORTING}{one_of(NO_PROCEDURE)}"
        r"|procedure entry point (?P<symbol>\S+) could not be located"
        r"|Unable to find an entry point named '(?P<symbol_2>[^']+)' in (?:shared library|DLL)"
        r" '(?P<library_2>[^']+)'"
        r"|\[WinError 127\] (?P<detail>.*)",
        build=finds(ImportErrorUndefinedSymbol),
        literals=(
            *("DLL load failed", "DLL Load Failed", "DLL Load failed", "DLL load Failed"),
            "procedure entry point ",
            "an entry point named ",
            "[WinError 127]",
        ),
    ),
    Signature(
        name="loader-inconsistency",
        pattern=r"(?P<detail>Inconsistency detected by ld\.so: "
        r"(?:.*Assertion [`'](?P<assertion>.*)' failed.*|.*))",
        build=finds(LoaderError),
        literals=("detected by ld.so",),
    ),
    Signature(
        name="loader-bad-file",
        pattern=r"(?P<library>[^\s:]+): (?P<detail>file too short|invalid ELF header|wrong ELF"
        r" class|ELF (?:file|load) \S* ?\w+.*"
        r"|cannot (?:map zero-fill pages|allocate memory in static TLS block|enable executable"
        r" stack"
        r"|read file data|make segment writable|apply additional memory protection|restore segment"
        r" prot"
        r"|change memory protections|dynamically load (?:position-independent )?executable|create"
        r" (?:shared object descriptor|TLS data structures|cache|search path))"
        r"|failed to map segment from shared object|only ET_DYN and ET_EXEC can be loaded"
        r"|object file has no (?:dynamic section|loadable segments)|unexpected (?:reloc|PLT reloc)"
        r" type"
        r"|unsupported version \d+ of Verdef|shared object cannot be dlopen|Exec format error"
        r"|internal error: symidx out of range|initial-exec TLS resolves to dynamic)",
        build=finds(LoaderError),
        literals=(
            *(
                ": file too short",
                ": invalid ELF header",
                ": wrong ELF class",
                ": ELF file",
                ": ELF load",
            ),
            *(": cannot map zero-fill", "in static TLS block", "cannot enable executable stack"),
            *(
                "failed to map segment",
                ": cannot read file data",
                "only ET_DYN",
                "make segment writable",
            ),
            *("additional memory protection", "restore segment prot", "change memory protections"),
            *("cannot dynamically load", "shared object descriptor", "TLS data structures"),
            *(": cannot create cache", ": cannot create search path", "has no dynamic section"),
            *("has no loadable segments", "unexpected reloc type", "unexpected PLT reloc type"),
            *(" of Verdef", "cannot be dlopen", ": Exec format error", "symidx out of range"),
            "initial-exec TLS",
        ),
    ),
    Signature(
        name="loader-bad-file-macos",
        pattern=r"dyld\S*: (?:cannot load '?(?P<library>[^'\s]+)'?|malformed mach-o|.*cannot"
        r" load)(?P<detail>.*)"
        r"|(?:dlopen\((?P<library_2>[^,)]+).*?)?(?P<detail_2>duplicate LC_RPATH|is an incompatible"
        r" architecture|mach-o, but wrong architecture"
        r"|code signature (?:invalid|in .* not valid)|not valid for use in process)",
        build=finds(LoaderError),
        literals=(
            *(
                "cannot load",
                ": malformed mach-o",
                "duplicate LC_RPATH",
                "an incompatible architecture",
            ),
            *("but wrong architecture", "code signature in", "not valid for use in process"),
        ),
    ),
    Signature(
        name="loader-bad-file-other",  # Windows, .NET, Node, xgboost, OpenMP, CPython
        pattern=rf"{_IMPORTING}(?P<detail>{one_of(BAD_IMAGE)})"
        r"|\[WinError (?:193|1114)\] (?P<detail_2>[^\"]*)(?:\"(?P<library_2>[^\"]+)\")?"
        r"|(?P<detail_3>BadImageFormatException|is not a valid Win32 application"
        r"|was compiled against a different Node\.js version|Module did not self-register"
        r"|dynamic module does not define module export function)"
        r"|[Ll]ibrary \((?P<library_3>[^)\s]+)\) could not be loaded",
        build=finds(LoaderError),
        literals=(
            *(
                "DLL load failed",
                "DLL Load Failed",
                "DLL Load failed",
                "DLL load Failed",
                "[WinError 193]",
                "[WinError 1114]",
                "BadImageFormatException",
            ),
            *(
                "is not a valid Win32",
                "against a different Node.js version",
                "Module did not self-register",
            ),
            *("does not define module export", ") could not be loaded", "could not be loaded"),
        ),
    ),
)
