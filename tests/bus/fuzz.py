# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls everything that a live luod says it has, with values of all kinds.

What there is comes from luod's own introspection data, so a new member is called the moment it exists.
What a member is called with is drawn by hypothesis from its signature: boundaries, words that luod
knows, names of what is there and of what is not, and file descriptors of every kind. The same seed
draws the same calls; how they are answered depends on luod.

An answer is a reply or an error, never silence and never the end of the connection: those are
findings, and the calls before them are told. What luod looks like afterwards (still the same process,
no fd more than before, nothing changed that the caller may not change) is for whoever uses this to
judge; see main() for the command that test-fuzz and lab case 91 run.
"""
import argparse
import collections
import fcntl
import glob
import json
import os
import socket
import sys
import tempfile
import warnings
import xml.etree.ElementTree as xml

# It would keep tables of characters in the folder that it is called from.
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = os.devnull + "/none"
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from jeepney import DBusAddress, MessageType, new_method_call  # noqa: E402
from jeepney.io.blocking import open_dbus_connection  # noqa: E402
from jeepney.wrappers import DBusErrorResponse  # noqa: E402

NAME = "org.luod1"
ROOT = "/org/luod1"
DEADLINE = 60
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
PROPERTIES = "org.freedesktop.DBus.Properties"

# Words of options, kinds, states and names; what luod knows is more interesting than what it does not.
WORDS = ["", "mode", "custody", "delegation", "policy", "required", "best-effort", "claim-policy",
         "unit", "uid", "unclaimed-policy", "hold", "finish", "claim-timeout", "ready-timeout",
         "jump", "direct", "systemd", "force", "reason", "initrd", "command-line", "kernel-path",
         "initrd-path", "limit", "memory", "iommufd", "device", "other", "luod", "fuzz", "victim",
         "org.luod1.Manager", "org.luod1.Session", "Name", "State", "../../etc/passwd", "/",
         "x" * 48, "x" * 49, "x" * 255, "y" * 8192, "z" * 70000, "\x01", "\x7f", "ä" * 100,
         "\U0010ffff", "%s%n%d", "a/b", ".", "..", "-", "luod/0/victim", "0000000000000000",
         "0" * 32, "f" * 32]
RANGES = {"y": (0, 2**8 - 1), "n": (-2**15, 2**15 - 1), "q": (0, 2**16 - 1),
          "i": (-2**31, 2**31 - 1), "u": (0, 2**32 - 1), "x": (-2**63, 2**63 - 1),
          "t": (0, 2**64 - 1)}
PATHS = [ROOT, "/", ROOT + "/session", ROOT + "/session/_30_2fvictim", ROOT + "/device/x",
         ROOT + "/job/1", ROOT + "/job/4294967295", "/org/luod1/session/" + "x" * 200]


# --- file descriptors ---------------------------------------------------------------------------

def _memfd(size=4096, seals=0):
    fd = os.memfd_create("fuzz", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    if seals:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def _deleted():
    fd, path = tempfile.mkstemp()
    os.unlink(path)
    os.write(fd, b"gone")
    return fd


def _pipe(end):
    fds = os.pipe2(os.O_CLOEXEC)
    os.close(fds[1 - end])
    return fds[end]


def _socket():
    one, other = socket.socketpair()
    other.close()
    return one.detach()


def _open(path, flags):
    return lambda: os.open(path, flags | os.O_CLOEXEC)


FDS = {
    "memfd": _memfd,
    "empty memfd": lambda: _memfd(0),
    "sealed memfd": lambda: _memfd(4096, 0x0f),
    "memfd that may not grow": lambda: _memfd(4096, 0x06),
    "sparse memfd": lambda: _memfd(2**40),
    "pipe to read": lambda: _pipe(0),
    "pipe to write": lambda: _pipe(1),
    "socket": _socket,
    "datagram socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).detach(),
    "eventfd": lambda: os.eventfd(0) if hasattr(os, "eventfd") else _pipe(0),
    "O_PATH": _open("/etc/passwd", getattr(os, "O_PATH", 0)),
    "/dev/null": _open("/dev/null", os.O_RDWR),
    "/dev/zero": _open("/dev/zero", os.O_RDONLY),
    "folder": _open("/", os.O_RDONLY),
    "file": _open("/etc/passwd", os.O_RDONLY),
    "program": _open("/proc/self/exe", os.O_RDONLY),
    "file of proc": _open("/proc/self/status", os.O_RDONLY),
    "namespace": _open("/proc/self/ns/net", os.O_RDONLY),
    "pidfd": lambda: os.pidfd_open(os.getpid()),
    "deleted file": _deleted,
    "/dev/liveupdate": _open("/dev/liveupdate", os.O_RDWR),  # by one at a time: not below
}
# An attacker may have been passed what he could not open: these are opened while this is root still.
DEVICES = {
    "/dev/iommu": "/dev/iommu",
    "/dev/kvm": "/dev/kvm",
    "/dev/net/tun": "/dev/net/tun",
    "/dev/vfio/vfio": "/dev/vfio/vfio",
    "vfio device": "/dev/vfio/devices/*",
}


def _passed(fd):
    return lambda: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 0)


def open_devices():
    """What is not there, or not to be had, stays away from FDS."""
    for kind, pattern in DEVICES.items():
        for path in glob.glob(pattern)[:1]:
            try:
                FDS[kind] = _passed(os.open(path, os.O_RDWR | os.O_CLOEXEC))
            except OSError:
                pass


class Fds:
    """Makes them for a call, after which all are closed; which kinds there were is in @made."""

    made = set()

    def __init__(self):
        self.open = []

    def get(self, kind):
        try:
            fd = FDS[kind]()
            self.made.add(kind)
        except OSError:
            fd = FDS["/dev/null"]()
        self.open.append(fd)
        return fd

    def close(self):
        while self.open:
            os.close(self.open.pop())


# --- values -------------------------------------------------------------------------------------

def split(signature):
    """The single complete types of a signature."""
    types = []
    while signature:
        end = 0
        while signature[end] == "a":
            end += 1
        if signature[end] in "({":
            depth = 0
            while True:
                depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(signature[end], 0)
                end += 1
                if not depth:
                    break
        else:
            end += 1
        types.append(signature[:end])
        signature = signature[end:]
    return types


TEXT = st.one_of(st.sampled_from(WORDS), st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=40))
OBJECT_PATHS = st.one_of(st.sampled_from(PATHS), st.from_regex(r"(/[A-Za-z0-9_]{1,9}){1,4}",
                                                               fullmatch=True))
SIGNATURES = st.sampled_from(["s", "b", "u", "t", "y", "x", "d", "o", "g", "h", "as", "ay", "a{sv}",
                              "(st)", "a(ut)", "v", "aas"])


def _fit(kind):
    low, high = RANGES[kind]
    edges = {low, low + 1, 0, 1, 2, 63, 64, 4095, 4096, 4097, 2**20, 60 * 10**6, 2**31 - 1, 2**31,
             2**32 - 1, 2**63 - 1, 2**63, high - 1, high}
    return st.one_of(st.sampled_from(sorted(e for e in edges if low <= e <= high)),
                     st.integers(low, high))


def _array(kind):
    few = st.lists(value(kind), max_size=3)
    if kind in "yqut":  # long ones where that costs nothing
        return st.one_of(few, st.integers(1, 3000).map(lambda n: [n % 251] * n))
    return few


def _variant(depth):
    kinds = SIGNATURES if depth < 2 else st.sampled_from(["s", "b", "u", "t"])
    return kinds.flatmap(lambda kind: st.tuples(st.just(kind), value(kind, depth + 1)))


class Fd(str):
    """Which kind of file descriptor; it is opened when the call is made."""


def value(kind, depth=0):
    """A strategy for the values of one complete type, as jeepney takes them."""
    if kind in RANGES:
        return _fit(kind)
    if kind == "b":
        return st.booleans()
    if kind == "d":
        return st.floats(allow_nan=False)
    if kind == "s":
        return TEXT
    if kind == "o":
        return OBJECT_PATHS
    if kind == "g":
        return st.sampled_from(["", "s", "a{sv}", "(ss)", "h", "a" * 30 + "y"])
    if kind == "h":
        return st.sampled_from(sorted(FDS)).map(Fd)
    if kind == "v":
        return _variant(depth)
    if kind[0] == "(":
        return st.tuples(*(value(k, depth) for k in split(kind[1:-1])))
    if kind.startswith("a{"):
        key, item = split(kind[2:-1])
        return st.dictionaries(value(key, depth), value(item, depth), max_size=4)
    return _array(kind[1:])


def sensible(kind):
    """The same, of what may well be granted in a session as open_session() makes it."""
    if kind in RANGES:
        return st.sampled_from([0, 1, 2, 3, 64])
    if kind == "s":
        return st.sampled_from(["memory", "ram", "iommufd", "device", "fuzz"])
    if kind == "h":
        return st.sampled_from(sorted({"memfd", "sealed memfd", "/dev/iommu", "vfio device"} & set(FDS))).map(Fd)
    if kind == "a{sv}":
        return st.just({})
    if kind[0] == "(":
        return st.tuples(*(sensible(k) for k in split(kind[1:-1])))
    if kind[0] == "a" and kind[1] != "{":
        return st.lists(sensible(kind[1:]), max_size=2)
    return value(kind)


def body(signature, *strategies):
    """Of all arguments, each by one of these."""
    return st.tuples(*(st.one_of(*(s(kind) for s in strategies)) for kind in split(signature)))


def with_fds(thing, fds):
    if isinstance(thing, Fd):
        return fds.get(thing)
    if isinstance(thing, (list, tuple)):
        return type(thing)(with_fds(t, fds) for t in thing)
    if isinstance(thing, dict):
        return {k: with_fds(v, fds) for k, v in thing.items()}
    return thing


# --- what there is ------------------------------------------------------------------------------

Member = collections.namedtuple("Member", "path interface name signature")


class Finding(Exception):
    pass


class Luod:
    """One connection; a call is answered, one way or the other."""

    def __init__(self, address):
        self.address = address
        self.connection = None
        self.last = collections.deque(maxlen=12)
        self.connect()

    def connect(self):
        self.connection = open_dbus_connection(self.address, enable_fds=True)

    def close(self):
        self.connection.close()

    def call(self, member, *body):
        fds = Fds()
        self.last.append((member, body))
        try:
            message = new_method_call(DBusAddress(member.path, NAME, member.interface), member.name,
                                      member.signature or None, tuple(with_fds(body, fds)))
            reply = self.connection.send_and_get_reply(message, timeout=DEADLINE)
        except (TimeoutError, OSError, EOFError, ConnectionError) as error:
            raise Finding(f"no answer ({error!r}) after:\n" + self.history()) from error
        finally:
            fds.close()
        if reply.header.message_type == MessageType.error:
            return DBusErrorResponse(reply)
        for fd in [f for f in _flat(reply.body) if hasattr(f, "close")]:
            fd.close()
        return reply.body

    def history(self):
        return "\n".join(f"  {m.path} {m.interface}.{m.name} {str(b)[:300]}" for m, b in self.last)

    def introspect(self, path):
        answer = self.call(Member(path, INTROSPECTABLE, "Introspect", ""))
        return None if isinstance(answer, DBusErrorResponse) else xml.fromstring(answer[0])

    def walk(self, path=ROOT):
        """All methods, and for each interface with properties one Get, GetAll and Set of each."""
        node = self.introspect(path)
        if node is None:
            return
        for interface in node.findall("interface"):
            name = interface.get("name")
            for method in interface.findall("method"):
                yield Member(path, name, method.get("name"),
                             "".join(a.get("type") for a in method.findall("arg")
                                     if a.get("direction", "in") == "in"))
            for prop in interface.findall("property"):
                yield Member(path, name, "." + prop.get("name"), prop.get("type"))
        for child in node.findall("node"):
            if child.get("name"):
                yield from self.walk(path.rstrip("/") + "/" + child.get("name").lstrip("/"))


def _label(name):
    """As sd_bus_path_encode()."""
    return "".join(c if c.isalnum() and (i or not c.isdigit()) else f"_{ord(c):02x}"
                   for i, c in enumerate(name))


def _flat(thing):
    if isinstance(thing, dict):
        thing = list(thing.values())
    if isinstance(thing, (list, tuple)):
        for t in thing:
            yield from _flat(t)
    else:
        yield thing


class Fuzzer:
    def __init__(self, luod, number, examples, skip=lambda member: False):
        self.luod, self.number, self.examples, self.skip = luod, number, examples, skip
        self.calls = collections.Counter()
        self.errors = collections.Counter()
        self.granted = collections.Counter()
        self.found = None
        self.session = f"{ROOT}/session/" + _label(f"{os.getuid()}/fuzz")

    def note(self, member, answer):
        self.calls[f"{member.interface}.{member.name.lstrip('.')}"] += 1
        if not isinstance(answer, DBusErrorResponse):
            self.granted[member.name] += 1
            return
        self.errors[answer.name] += 1
        if not answer.name.startswith(("org.luod1.Error.", "org.freedesktop.DBus.Error.")):
            raise Finding(f"the error {answer.name} ({answer.data}) after:\n" + self.luod.history())

    def rules(self, strategy, run):
        """hypothesis draws only: luod has changed by then, a smaller example would be of another."""

        def once(drawn):
            try:
                if not self.found:
                    run(drawn)
            except Finding as finding:
                self.found = finding

        warnings.simplefilter("ignore")
        seed(self.number)(settings(
            max_examples=self.examples, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck))(given(strategy)(once)))()
        if self.found:
            raise self.found

    def open_session(self, mode="custody"):
        """One of the caller's own, with something in it: calls on it get further than on others'."""
        if self.calls.total() % 5 == 0:
            self.luod.call(Member(self.session, "org.luod1.Session", "Close", ""))
        made = self.luod.call(Member(ROOT, "org.luod1.Manager", "CreateSession", "sa{sv}"), "fuzz",
                              {"mode": ("s", mode), "policy": ("s", "best-effort")})
        if not isinstance(made, DBusErrorResponse) and mode == "custody":
            self.luod.call(Member(self.session, "org.luod1.Session", "AttachMemory", "sha{sv}"),
                           "memory", Fd("memfd"), {})

    def close_sessions(self):
        """What is left of the caller's own, so that fds can be counted."""
        for path in sorted({m.path for m in self.luod.walk(ROOT + "/session")}):
            close = Member(path, "org.luod1.Session", "Close", "")
            if self.skip(close):
                continue
            uid = self.luod.call(Member(path, PROPERTIES, "Get", "ss"), "org.luod1.Session", "Uid")
            if not isinstance(uid, DBusErrorResponse) and uid[0][1] == os.getuid():
                self.luod.call(close)

    def method(self, member):
        wrong = st.sampled_from(["", "s", "h", "a{sv}", "sa{sv}", "ut", "av"])

        def run(drawn):
            signature, arguments = drawn
            asked = member._replace(signature=signature)
            if member.path == self.session:
                self.open_session("delegation" if self.calls.total() % 15 == 0 else "custody")
            self.note(member, self.luod.call(asked, *arguments))

        other = wrong.flatmap(lambda s: st.tuples(st.just(s), body(s, value)))
        kinds = (value,), (value,), (sensible,), (sensible,), (value, sensible)
        self.rules(st.one_of(*(st.tuples(st.just(member.signature), body(member.signature, *kind))
                               for kind in kinds), other), run)

    def property(self, member):
        name, at = member.name[1:], Member(member.path, PROPERTIES, "", "")

        def run(new):
            for asked, body in ((at._replace(name="Get", signature="ss"), (member.interface, name)),
                                (at._replace(name="Set", signature="ssv"),
                                 (member.interface, name, new))):
                self.note(member, self.luod.call(asked, *body))

        self.rules(st.one_of(value(member.signature).map(lambda v: (member.signature, v)),
                             _variant(0)), run)

    def run(self):
        self.open_session()
        seen = set()
        members = list(self.luod.walk())
        while members:
            for member in members:
                seen.add(member)
                if self.skip(member):
                    continue
                if member.name.startswith("."):
                    self.property(member)
                else:
                    self.method(member)
            # Sessions that were made meanwhile; of those that look the same a few are enough.
            new = [m for m in self.luod.walk() if m not in seen]
            paths = sorted({m.path for m in new})[:4]
            members = [m for m in new if m.path in paths] if len({m.path for m in seen}) < 12 else []
        self.close_sessions()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", required=True, help="D-Bus address, the bus or luod's own socket")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, default=10, help="of each member")
    parser.add_argument("--uid", type=int, help="as this user")
    parser.add_argument("--skip", action="append", default=[], metavar="MEMBER",
                        help="Interface.Member, or a path, that is not called")
    given_options = parser.parse_args()
    open_devices()
    if given_options.uid is not None:
        os.setgroups([])
        os.setgid(given_options.uid)
        os.setuid(given_options.uid)
    luod = Luod(given_options.address)
    fuzzer = Fuzzer(luod, given_options.seed, given_options.examples, lambda m: any(
        s in (m.path, f"{m.interface.rsplit('.', 1)[-1]}.{m.name}") for s in given_options.skip))
    result = {"seed": given_options.seed}
    try:
        fuzzer.run()
    except Finding as finding:
        result["finding"] = str(finding)
    result["calls"] = sum(fuzzer.calls.values())
    result["members"] = dict(fuzzer.calls)
    result["errors"] = dict(fuzzer.errors)
    result["fds"] = sorted(Fds.made)
    result["granted"] = dict(fuzzer.granted)
    print(json.dumps(result, indent=1))
    luod.close()
    return 1 if "finding" in result else 0


if __name__ == "__main__":
    sys.exit(main())
