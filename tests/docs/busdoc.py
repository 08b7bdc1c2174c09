# SPDX-License-Identifier: GPL-2.0-or-later
"""A D-Bus interface as plain data, read from introspection XML or from the source of its manual.

Both give {interface: {("property"|"method"|"signal", name): description}}, where a description is
a text such as "s const", "(s name, a{sv} options) -> o session" or "(s update_id)".

The manual's form: a heading "# INTERFACE name", below it "## Properties", "## Methods" and
"## Signals", and for each member a line that begins with its name in bold:

    *State* s
    *Version* s (const)
    *Findings* a(ssss) (not announced)
    *CreateSession*(s _name_, a{sv} _options_) -> o _session_
    *GetTimeline*(s _update_id_) -> (a{sv} _info_, a(stx) _marks_)
"""
import re
import xml.etree.ElementTree

EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
ANNOUNCED = {"true": "", "const": "const", "false": "not announced", "invalidates": "invalidated"}


def split(text):
    """Arguments at the commas outside of parentheses and braces."""
    parts, depth, part = [], 0, ""
    for c in text:
        depth += (c in "({") - (c in ")}")
        if c == "," and not depth:
            parts.append(part)
            part = ""
        else:
            part += c
    return [p.strip() for p in [*parts, part] if p.strip()]


def arguments_of(text):
    """"s _name_, a{sv} _options_" as [(type, name)]."""
    pairs = (a.split(None, 1) for a in split(text))
    return [(p[0], p[1].strip("_") if len(p) > 1 else "") for p in pairs]


def manual(text):
    interfaces, interface, kind = {}, None, None
    kinds = {"Properties": "property", "Methods": "method", "Signals": "signal"}
    for line in text.splitlines():
        heading = re.match(r"(#+) (.*)", line)
        if heading and len(heading[1]) == 1:
            named = re.match(r"INTERFACE (\S+)", heading[2])
            interface = interfaces.setdefault(named[1], {}) if named else None
        elif heading:
            kind = kinds.get(heading[2])
        member = re.match(r"\*(\w+)\*(.*)", line)
        if not (member and interface is not None and kind):
            continue
        if kind == "property":
            words = re.match(r"\s*(\S+)(?: \((.*)\))?", member[2])
            interface[kind, member[1]] = [(words[1], words[2] or "")]
            continue
        given, _, returned = member[2].partition(" -> ")
        if returned.startswith("(") and returned.endswith(")"):
            returned = returned[1:-1]
        interface[kind, member[1]] = (
            arguments_of(given.strip()[1:-1]), arguments_of(returned))
    return interfaces


def introspection(text, prefix="org.luod1."):
    interfaces = {}
    for node in xml.etree.ElementTree.fromstring(text).iter("interface"):
        if not node.get("name").startswith(prefix):
            continue
        members = interfaces.setdefault(node.get("name"), {})
        for child in node:
            if child.tag == "property":
                emits = next((a.get("value") for a in child if a.get("name") == EMITS), "true")
                members["property", child.get("name")] = [(child.get("type"), ANNOUNCED[emits])]
            elif child.tag in ("method", "signal"):
                arguments = [(a.get("direction", "in"), (a.get("type"), a.get("name") or ""))
                             for a in child.iter("arg")]
                members[child.tag, child.get("name")] = (
                    [a for d, a in arguments if d == "in" or child.tag == "signal"],
                    [a for d, a in arguments if d == "out" and child.tag != "signal"])
    return interfaces


def vtable(text):
    """The members of the vtables in a C source, where no object of the kind can be had to ask."""
    members = {}
    for row in re.split(r"SD_BUS_(?:PROPERTY|METHOD\w*|SIGNAL\w*)\(|SD_BUS_VTABLE_END", text):
        named = re.match(r'"(\w+)",\s*"([^"]+)"', row)
        if named:
            emits = "const" if "_CONST" in row else "true" if "_EMITS_CHANGE" in row else "false"
            members["property", named[1]] = [(named[2], ANNOUNCED[emits])]
    return members


def say(description):
    def arguments(pairs):
        return ", ".join(" ".join(p for p in pair if p) for pair in pairs)

    if isinstance(description, list):
        return arguments(description)
    return f"({arguments(description[0])}) -> ({arguments(description[1])})"


def same(documented, live):
    """Equal types; equal names wherever the introspection has names."""
    if isinstance(documented, list) or isinstance(live, list):
        return documented == live
    return all(len(d) == len(l) and all(x[0] == y[0] and (not y[1] or x[1] == y[1])
                                        for x, y in zip(d, l))
               for d, l in zip(documented, live))


def differences(documented, live):
    for key in sorted({*documented, *live}):
        kind, name = key
        if key not in live:
            yield f"{kind} {name} is documented, and luod does not have it"
        elif key not in documented:
            yield f"{kind} {name} is not documented: {say(live[key])}"
        elif not same(documented[key], live[key]):
            yield f"{kind} {name}: documented as {say(documented[key])}, is {say(live[key])}"
