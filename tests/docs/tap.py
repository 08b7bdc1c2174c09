# SPDX-License-Identifier: GPL-2.0-or-later
"""The few words of TAP that the checks of the documentation need, and where the tree is."""
import os
import subprocess
import sys

TOP = os.environ.get("SRC") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_count = 0
_bad = 0


def read(path):
    """The text of a file of the tree; a missing one is empty, and fails what is asked of it."""
    if not exists(path):
        print(f"# {path} is missing")
        return ""
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def exists(path):
    return os.path.exists(os.path.join(TOP, path))


def tracked(*patterns):
    """The files that git knows, or will know; without git (a tarball) all but what was built."""
    git = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns], cwd=TOP,
                         capture_output=True, text=True, check=False)
    if git.returncode:
        return [os.path.relpath(os.path.join(d, f), TOP) for d, _, files in os.walk(TOP)
                if "/build" not in d for f in files]
    return sorted({f for f in git.stdout.split("\n") if f and exists(f)})


def check(name, problems):
    """One test: passed when the list of problems is empty."""
    global _count, _bad
    _count += 1
    problems = list(problems)
    for problem in problems:
        print("#", problem)
    print(("not ok" if problems else "ok"), _count, "-", name, flush=True)
    _bad += bool(problems)


def skip(name, reason):
    global _count
    _count += 1
    print(f"ok {_count} - {name} # SKIP {reason}", flush=True)


def done():
    print(f"1..{_count}")
    sys.exit(1 if _bad else 0)
