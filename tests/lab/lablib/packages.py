# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of host packages, and making them be there."""

from . import apt
from .base import LAB, LabError

TABLE = LAB / "packages.txt"


def parse(text, name="packages.txt"):
    """{purpose: [[alternative, ...], ...]} of the table."""
    table, purpose = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        if line.startswith("[") and line.endswith("]"):
            purpose = line[1:-1]
            table[purpose] = []
        elif purpose is None:
            raise LabError(f"{name}:{number}: '{line}' stands before any [purpose]")
        else:
            table[purpose].append([word.strip() for word in line.split("|")])
    return table


def setup(purposes=()):
    """Install what is missing for the purposes; quick when nothing is."""
    table = parse(TABLE.read_text())
    for purpose in purposes:
        if purpose not in table:
            raise LabError(f"no packages for '{purpose}' (known: {' '.join(table)})")
    rows = [row for purpose in purposes or table for row in table[purpose]]
    absent = set(apt.missing(sorted({name for row in rows for name in row})))
    wanted = []
    for row in rows:
        if all(name in absent for name in row) and row[0] not in wanted:
            wanted.append(row[0])
    if wanted:
        apt.install(wanted)
    return wanted
