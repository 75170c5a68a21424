"""What the templates of report and server share."""

import json
from collections.abc import Mapping

from markupsafe import Markup, escape

from assay.language import say, several
from assay.language.filling import filled


def marked(text: str, /, **values: object) -> Markup:
    """A sentence of a template in the language that is spoken, escaped; a value may have markup: `bdi(name)`."""
    return filled(Markup(escape(say(text))), values)


def marked_several(one: str, many: str, number: int, /, **values: object) -> Markup:
    """The form of a template's sentence that goes with a number, as `marked`."""
    return filled(Markup(escape(several(one, many, number))), values)


def in_words(texts: Mapping[str, str]) -> str:
    """Texts for a page's script, by name, in the language that is spoken: JSON. The script fills their places."""
    return json.dumps({name: say(text) for name, text in texts.items()}, ensure_ascii=False)


def code(text: object) -> Markup:
    """What is typed as it stands."""
    return Markup("<code>{}</code>").format(text)


def bdi(name: object) -> Markup:
    """A name or an id of the log, whose script may run the other way."""
    return Markup("<bdi>{}</bdi>").format(name)
