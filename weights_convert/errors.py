"""The one exception a wrong input may raise. Everything that reads bytes from outside turns its own
trouble into a ConvertError, so the command line prints one sentence and never a traceback."""

LONGEST = 1000  # characters


class ConvertError(Exception):
    """One sentence about a file that cannot be converted, without the file's name in front. Names in
    it are the file's: what would be more than a line of text, or move a terminal's cursor, is left
    out."""

    def __init__(self, text):
        text = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
        super().__init__(text if len(text) <= LONGEST else text[:LONGEST] + " ...")
