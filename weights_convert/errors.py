"""The one exception a wrong input may raise. Everything that reads bytes from outside turns its own
trouble into a ConvertError, so the command line prints one sentence and never a traceback."""


class ConvertError(Exception):
    """One sentence about a file that cannot be converted, without the file's name in front."""
