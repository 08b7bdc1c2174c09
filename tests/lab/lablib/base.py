# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are, and how commands are run.

Owns: the paths of the tree, the environment variables the lab listens to, the
one exception type whose text is meant for the user.  Does not: keep state.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

LAB = Path(__file__).resolve().parent.parent
TOP = LAB.parent.parent
KERNEL = TOP / "kernel"
CASES = LAB / "cases"


class LabError(Exception):
    """Something the user can act on; printed without a traceback."""


class Spoilt(LabError):
    """A run that says nothing, because of the host or of its emulator."""


def say(text):
    """Tell the user on stderr: stdout belongs to results."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def build_dir():
    """The project's build directory (O= of make), where runs leave their folders."""
    return Path(os.environ.get("O") or TOP / "build").absolute()


def cache_dir():
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("LAB_CACHE") or Path(home) / "luod-lab").absolute()


def cores():
    return len(os.sched_getaffinity(0))


def run(cmd, log=None, **kw):
    """Run cmd to its end.  With log the output goes there and, on failure, its
    tail into the error; without it stdout is returned as text."""
    cmd = [str(c) for c in cmd]
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as out:
            out.write(f"+ {shlex.join(cmd)}\n".encode())
            out.flush()
            done = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.STDOUT, check=False, **kw)
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        out = ""
    else:
        done = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, text=True,
                              errors="replace", **kw)
        out, tail = done.stdout, (done.stdout + done.stderr).strip()
    if done.returncode:
        raise LabError(f"'{shlex.join(cmd)}' failed with {done.returncode}:\n{tail}")
    return out


def works(cmd):
    """True when cmd exists and exits with 0."""
    try:
        return subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def need(tool, why):
    """The path of a tool, or an error that says what it is for."""
    path = shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise LabError(f"'{tool}' is not installed, but needed {why}: run 'lab setup'")
    return path


_root_prefix = None


def as_root():
    """Prefix that gives a command the rights to make a tree with many owners:
    nothing for root, else sudo, else a user namespace with a range of ids."""
    global _root_prefix
    if _root_prefix is None:
        for prefix in [], ["sudo", "-n"], ["unshare", "--map-root-user", "--map-auto"]:
            probe = prefix + ["sh", "-c", "test $(id -u) = 0"]
            if works(probe):
                _root_prefix = prefix
                break
        else:
            raise LabError("building a guest needs root, sudo, or subordinate ids (subuid(5))")
    return _root_prefix


def remove_tree(path):
    """Delete a tree that may hold files of other owners."""
    if not os.path.lexists(path):
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        run(as_root() + ["rm", "-rf", "--one-file-system", "--", path])


def read_conf(path, known, required=()):
    """KEY=VALUE lines with # comments, as a dict of strings; optional quotes.

    An unknown or repeated key, or a line without '=', is an error that names
    file and line: a misspelt key must never be silently without effect."""
    values = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, eq, value = line.partition("=")
        key = key.strip()
        where = f"{path}:{number}"
        if not eq:
            raise LabError(f"{where}: expected KEY=VALUE, found '{line}'")
        if key not in known:
            raise LabError(f"{where}: unknown key '{key}' (known: {' '.join(sorted(known))})")
        if key in values:
            raise LabError(f"{where}: '{key}' is set twice")
        try:
            words = shlex.split(value, comments=True)
        except ValueError as err:
            raise LabError(f"{where}: {err}") from None
        values[key] = " ".join(words)
    for key in required:
        if key not in values:
            raise LabError(f"{path}: '{key}' is missing")
    return values
