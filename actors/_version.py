"""The version, read by setup.cfg and by the package's face."""

__version__ = "0.1.0.dev0"
