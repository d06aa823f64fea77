"""The dynamic loader: libraries and symbols that are missing or of another version."""

import attrs

from diagnostics.catalog._building import Recognized


@attrs.frozen(kw_only=True)
class ImportErrorMissingLibrary(Recognized):
    """
    A shared library was not found.

    Attributes:
        library: Its file name.
        required_by: The file that needs it.
    """

    cause = "import-error-missing-library"
    endings = ("exit", "SIGABRT")
    remedy = (
        "Install the library, or add its folder to LD_LIBRARY_PATH; libcuda comes with the driver"
        " and into a container by its GPU options."
    )
    references = ("xorbitsai/inference#883",)

    library: str | None = None
    required_by: str | None = None

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
        assertion: What the loader found not to hold.
    """

    cause = "loader-error"
    endings = ("exit", "SIGABRT")
    remedy = "The file is damaged, cut short, or for another processor: install it again."

    library: str | None = None
    assertion: str | None = None
