"""The dynamic loader: libraries and symbols that are missing or of another version."""

from typing import Final

import attrs

from diagnostics.catalog._building import Recognized, finds
from diagnostics.signatures import Signature


@attrs.frozen(kw_only=True)
class ImportErrorMissingLibrary(Recognized):
    """
    A shared library was not found.

    Attributes:
        library: Its file name.
    """

    cause = "import-error-missing-library"
    endings = ("exit", "SIGABRT")
    remedy = (
        "Install the library, or add its folder to LD_LIBRARY_PATH; libcuda comes with the driver"
        " and into a container by its GPU options."
    )
    references = ("xorbitsai/inference#883",)

    library: str | None = None

    @property
    def message(self) -> str:
        """Which library."""
        return f"the shared library {self.library} was not found"


@attrs.frozen(kw_only=True)
class ImportErrorUndefinedSymbol(Recognized):
    """
    A shared library lacks a symbol.

    Attributes:
        library: The file that needs it.
        symbol: The symbol.
    """

    cause = "import-error-undefined-symbol"
    endings = ("exit",)
    remedy = "One of the libraries is of another version: install versions that belong together."

    library: str | None = None
    symbol: str | None = None

    @property
    def message(self) -> str:
        """Which symbol, and who needs it."""
        return f"{self.library or 'a library'} needs the symbol {self.symbol}, which is not there"


@attrs.frozen(kw_only=True)
class GlibcVersion(Recognized):
    """
    The system's C or C++ library is too old for a program.

    Attributes:
        symbol_version: The version that is needed, such as `GLIBC_2.38`.
        library: The library that lacks it.
        required_by: The file that needs it.
    """

    cause = "glibc-version"
    weight = 1
    endings = ("exit",)
    remedy = "The system is too old for this build: use a newer system, or a build for older ones."

    symbol_version: str | None = None
    library: str | None = None
    required_by: str | None = None

    @property
    def message(self) -> str:
        """Which version, and who needs it."""
        return f"{self.symbol_version} is not there; {self.required_by or 'a program'} needs it"


@attrs.frozen(kw_only=True)
class LoaderError(Recognized):
    """
    A shared library cannot be used.

    Attributes:
        library: Its file name.
    """

    cause = "loader-error"
    endings = ("exit", "SIGABRT")
    remedy = "The file is damaged, cut short, or for another processor: install it again."

    library: str | None = None


SIGNATURES: Final = (
    Signature(
        name="loader-missing-library",
        pattern=r"(?P<library>[^\s:'\"(]*[^\s:'\"(/]+): cannot open shared object file: No such"
        r" file",
        build=finds(ImportErrorMissingLibrary),
        literals=(": cannot open shared object file: No such file",),
    ),
    Signature(
        name="loader-missing-library-macos",
        pattern=r"Library not loaded: (?P<library>\S+)",
        build=finds(ImportErrorMissingLibrary),
    ),
    Signature(
        name="loader-dlopen-failed",
        pattern=r"(?:[Ff]ailed to|[Cc]ould ?n[o']t|[Cc]annot|[Uu]nable to)"
        r" (?:dlopen|load (?:dynamic|shared) library) "
        r"['\"`]?(?P<library>[^\s'\"`;:,]+)",
        build=finds(ImportErrorMissingLibrary, soft=False),
        literals=(
            "to dlopen",
            "ot dlopen",
            "'t dlopen",
            "load dynamic library",
            "load shared library",
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
        pattern=r"(?:(?P<library>[^\s:]+): )?undefined symbol: (?P<symbol>[^\s,]+)",
        build=finds(ImportErrorUndefinedSymbol),
    ),
    Signature(
        name="loader-undefined-symbol-macos",
        pattern=r"[Ss]ymbol not found(?:: \(?'?| in flat namespace:? \(?'?| \(?')"
        r"(?P<symbol>_?[^\s')]+)",
        build=finds(ImportErrorUndefinedSymbol),
        literals=(
            "ymbol not found: ",
            "ymbol not found in flat",
            "ymbol not found '",
            "ymbol not found ('",
        ),
    ),
    Signature(
        name="loader-inconsistency",
        pattern=r"(?P<detail>Inconsistency detected by ld\.so: .*)",
        build=finds(LoaderError),
        literals=("detected by ld.so",),
    ),
    Signature(
        name="loader-bad-file",
        pattern=r"(?P<library>[^\s:]+): (?P<detail>file too short|invalid ELF header|wrong ELF"
        r" class"
        r"|ELF file\S* \w+.*|cannot map zero-fill pages|cannot allocate memory in static TLS block"
        r"|cannot enable executable stack|failed to map segment from shared object"
        r"|cannot read file data|only ET_DYN and ET_EXEC can be loaded)",
        build=finds(LoaderError),
        literals=(
            ": file too short",
            ": invalid ELF header",
            ": wrong ELF class",
            ": ELF file",
            ": cannot map zero-fill",
            "in static TLS block",
            "cannot enable executable stack",
            "failed to map segment",
            ": cannot read file data",
            "only ET_DYN",
        ),
    ),
    Signature(
        name="loader-bad-file-macos",
        pattern=r"dlopen\((?P<library>[^,)]+).*?(?P<detail>incompatible architecture|not a"
        r" mach-o file"
        r"|code signature (?:invalid|in))",
        build=finds(LoaderError),
        literals=("dlopen(",),
    ),
)
