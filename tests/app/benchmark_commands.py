"""Calls of `assay benchmark` for tests."""

import json

from assay.app import cli


def called(capsys, *arguments, code=0):
    assert cli.main(["benchmark", *map(str, arguments)]) == code
    found = capsys.readouterr()
    return found.out if code == 0 else found.err


def asked(capsys, *arguments):
    return json.loads(called(capsys, *arguments, "--json"))
