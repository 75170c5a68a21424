"""What the templates of report and server share."""

from markupsafe import Markup, escape

from assay.language import say


def marked(text: str, /, **values: object) -> Markup:
    """A sentence of a template in the language that is spoken, escaped; a value may have markup: `bdi(name)`."""
    return Markup(escape(say(text))).format(**values)


def bdi(name: object) -> Markup:
    """A name or an id of the log, whose script may run the other way."""
    return Markup("<bdi>{}</bdi>").format(name)
