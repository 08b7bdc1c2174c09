# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user types.  Each verb is a function with its arguments beside it."""

import argparse
import sys

from . import kernel, packages
from .base import LabError
from .cache import Cache

VERBS = {}


def verb(name, *arguments):
    """Register a verb; its first docstring line is its help."""
    def register(function):
        VERBS[name] = (function, arguments)
        return function
    return register


def arg(*names, **options):
    return names, options


@verb("setup", arg("purpose", nargs="*", help="build, lint, kernel, lab (default: all)"))
def cmd_setup(_cache, args):
    """install the packages of the build host that are missing"""
    packages.setup(args.purpose)


@verb("headers")
def cmd_headers(cache, _args):
    """print the directory of the project kernel's user-space headers"""
    print(kernel.headers(cache))


@verb("clean")
def cmd_clean(cache, _args):
    """remove the cache: kernels, guests, emulator"""
    cache.clean()


def parser():
    top = argparse.ArgumentParser(prog="lab", description="Real live updates in emulated machines.")
    sub = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (function, arguments) in VERBS.items():
        text = function.__doc__.splitlines()[0]
        one = sub.add_parser(name, help=text, description=function.__doc__)
        for names, options in arguments:
            one.add_argument(*names, **options)
        one.set_defaults(function=function)
    return top


def main(argv):
    args = parser().parse_args(argv)
    try:
        return args.function(Cache(), args) or 0
    except LabError as err:
        print(f"lab: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
