# SPDX-License-Identifier: GPL-2.0-or-later
"""What is kept between runs.

An entry is a directory ``<kind>-<key>`` whose key is a hash of everything it is
made from.  It is built beside its place and renamed into it, so an entry that
exists is whole.  A lock per kind makes a second process wait instead of
building the same thing again.

Entries are never changed once they are there, with one exception that does not
pass for an entry: ``workspace()`` gives a directory to work in (a kernel build
tree, private package lists), under the same kind of lock.

Whoever uses an entry holds a shared lock on its directory for as long as the
process lives; pruning skips what is held.
"""

import contextlib
import fcntl
import hashlib
import os
import time
from pathlib import Path

from .base import LabError, cache_dir, remove_tree, say

MARK = "this-is-a-luod-lab-cache"


def digest(*parts):
    """Key of any nesting of strings, bytes, numbers, lists, dicts and paths; a
    path counts by its content: mode, kind, and for a directory every name below."""
    sha = hashlib.sha256()
    for part in parts:
        _feed(sha, part)
    return sha.hexdigest()[:16]


def _feed(sha, part):
    if isinstance(part, Path):
        _feed_path(sha, part)
    elif isinstance(part, dict):
        sha.update(b"{%d" % len(part))
        for key in sorted(part):
            _feed(sha, key)
            _feed(sha, part[key])
    elif isinstance(part, (list, tuple)):
        sha.update(b"[%d" % len(part))
        for item in part:
            _feed(sha, item)
    else:
        raw = part if isinstance(part, bytes) else str(part).encode()
        sha.update(b"%s%d:" % (type(part).__name__.encode(), len(raw)))
        sha.update(raw)


def _feed_path(sha, path):
    if path.is_symlink():
        sha.update(b"L")
        _feed(sha, os.readlink(path))
    elif path.is_dir():
        names = sorted(n for n in os.listdir(path) if n != "__pycache__")
        sha.update(b"D%d" % len(names))
        for name in names:
            _feed(sha, name)
            _feed_path(sha, path / name)
    else:
        sha.update(b"X" if os.access(path, os.X_OK) else b"F")
        with open(path, "rb") as file:
            inner = hashlib.file_digest(file, "sha256")
        sha.update(inner.digest())


class Cache:
    """One cache directory."""

    def __init__(self, root=None):
        self.root = Path(root or cache_dir())
        self._held = {}

    def open(self):
        """Create the directory when it is not there; refuse one that is not ours."""
        mark = self.root / MARK
        if mark.exists():
            return
        self.root.mkdir(parents=True, exist_ok=True)
        strangers = [n for n in os.listdir(self.root) if n not in ("locks", MARK)]
        if strangers:
            raise LabError(f"{self.root} is not a cache of the lab (found '{strangers[0]}')")
        mark.touch()

    def path(self, kind, key):
        """Where the entry is or will be."""
        return self.root / f"{kind}-{key}"

    @contextlib.contextmanager
    def lock(self, name, what=None):
        """Exclusive among all lab processes of this cache."""
        self.open()
        locks = self.root / "locks"
        locks.mkdir(exist_ok=True)
        with open(locks / name, "w", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another lab that works on {what or name}")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def get(self, kind, key, build, keep=0):
        """The entry, built by build(directory) when it is not there.  With keep,
        older entries of the kind beyond that many are dropped afterwards."""
        path = self.path(kind, key)
        while True:
            if not path.is_dir():
                with self.lock(kind):
                    if not path.is_dir():
                        self._make(kind, path, build)
            with contextlib.suppress(FileNotFoundError):  # pruned in between
                self.hold(path)
                break
        if keep:
            self.prune(kind, keep)
        return path

    def _make(self, kind, path, build):
        work = self.root / "tmp" / kind
        remove_tree(work)
        work.mkdir(parents=True)
        begin = time.monotonic()
        say(f"building {path.name}")
        try:
            build(work)
            # A name that is there must mean content that is there, after a
            # power cut too.
            os.sync()
            os.rename(work, path)
        except BaseException:
            remove_tree(work)
            raise
        say(f"built {path.name} in {time.monotonic() - begin:.1f} s")

    def hold(self, path):
        """Keep the entry from being pruned while this process lives."""
        if path in self._held:
            return
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(fd, fcntl.LOCK_SH)
        os.utime(path)
        self._held[path] = fd

    def prune(self, kind, keep):
        """Drop the entries of a kind that were not used for longest."""
        found = [p for p in self.root.glob(f"{kind}-*") if len(p.name) == len(kind) + 17]
        found.sort(key=lambda p: p.stat().st_mtime, reverse=True)
        for path in found[keep:]:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            else:
                self._bury(path)
            finally:
                os.close(fd)

    def drop(self, kind, key):
        """Forget an entry that proved unusable."""
        with self.lock(kind):
            path = self.path(kind, key)
            if path.is_dir():
                self._bury(path)

    def _bury(self, path):
        """Take an entry out of sight at once, then delete it."""
        grave = self.root / "tmp" / f"old-{path.name}"
        remove_tree(grave)
        grave.parent.mkdir(exist_ok=True)
        os.rename(path, grave)
        remove_tree(grave)

    def workspace(self, name):
        """A directory whose content may change; the caller holds a lock."""
        self.open()
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def clean(self):
        """Remove the whole cache, if it is one."""
        if not self.root.exists():
            return False
        if not (self.root / MARK).exists():
            raise LabError(f"{self.root} is not a cache of the lab: not touched")
        with self.lock("clean"):
            remove_tree(self.root)
        return True
