# SPDX-License-Identifier: GPL-2.0-or-later
"""A luod of its own for a test: with its keeper, a private bus, and a stand-in for PID 1.

The stand-in is the fd store of systemd as far as luod uses it: it takes the fds that services push
and passes them again when a service is started anew, which is what makes a SIGKILL survivable. It
passes their names as systemd does, in one string to execve(2), which takes 128 KiB and no more.
"""
import array
import os
import signal
import socket
import subprocess
import tempfile
import sys
import threading
import time
import unittest

from jeepney import DBusAddress, MatchRule, message_bus, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import DBusErrorResponse

ROOT = "/org/luod1"
MANAGER = "org.luod1.Manager"
SESSION = "org.luod1.Session"
# What the kernel lists in sys/kernel/liveupdate/abi when it can hand over devices.
ABIS = "kho-v4\nluo-v5\nluod-iommu-v3\nluod-iommufd-v2\nluod-vfio-pci-v1\nmemfd-v2\n"
DEADLINE = 60

BUS_CONFIG = """<busconfig><type>custom</type><listen>unix:path={path}</listen>
<auth>EXTERNAL</auth><policy context="default"><allow user="*"/><allow own="*"/>
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/></policy></busconfig>"""


def wait_for(condition, what="it"):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise TimeoutError(f"waited {DEADLINE} s for {what}")


def listens(path):
    """Whether somebody takes connections there: a socket is seen before, and after its end."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


class Service:
    """A process with a notify socket and an fd store, as systemd gives them to a service."""

    def __init__(self, directory, name, argv, env=None):
        self.argv, self.name = argv, name
        self.store = []
        self.log = os.path.join(directory, name + ".log")
        self.env = dict(os.environ, **(env or {}))
        path = os.path.join(directory, name + ".notify")
        self.env["NOTIFY_SOCKET"] = path
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        self.notify.settimeout(0.2)
        self.ready = threading.Event()
        self.process = None
        self.running = True
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while self.running:
            size = array.array("i").itemsize
            try:  # not select(), which knows no fd beyond 1023
                text, control, _, _ = self.notify.recvmsg(65536, socket.CMSG_SPACE(16 * size))
            except TimeoutError:
                continue
            fds = array.array("i")
            for level, kind, data in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(data[: len(data) - len(data) % size])
            self._message(dict(line.split("=", 1) for line in text.decode().split("\n")
                               if "=" in line), list(fds))

    def _message(self, words, fds):
        if words.get("FDSTORE") == "1":
            self.store += [(words.get("FDNAME", "stored"), fd) for fd in fds]
            return
        for fd in fds:  # BARRIER: closing it is the answer
            os.close(fd)
        if words.get("FDSTOREREMOVE") == "1":
            for item in [i for i in self.store if i[0] == words["FDNAME"]]:
                self.store.remove(item)
                os.close(item[1])
        if words.get("READY") == "1":
            self.ready.set()

    def start(self):
        self.ready.clear()
        names = ":".join(name for name, _ in self.store)
        script = "export LISTEN_PID=$$; exec \"$@\"" if self.store else "exec \"$@\""
        env = dict(self.env, LISTEN_FDS=str(len(self.store)), LISTEN_FDNAMES=names)
        kept = [os.dup(fd) for _, fd in self.store]

        def place_fds():  # by way of numbers that none of them has
            above = max([*kept, 3 + len(kept)]) + 1
            for i, fd in enumerate([os.dup2(fd, above + i) for i, fd in enumerate(kept)]):
                os.dup2(fd, 3 + i)

        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["/bin/sh", "-c", script, "sh", *self.argv], env=env,
                                            stdout=log, stderr=log, preexec_fn=place_fds,
                                            pass_fds=list(range(3, 3 + len(kept))))
        for fd in kept:
            os.close(fd)
        wait_for(self.ready.is_set, f"{self.name} (see {self.log})")

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait(DEADLINE)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.kill(signal.SIGTERM)
        self.running = False
        while self.store:
            os.close(self.store.pop()[1])
        return self.process.returncode

    def used(self):
        """Seconds of a processor, so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as f:
            ticks = f.read().rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def is_idle(self):
        """For a second."""
        before = self.used()
        time.sleep(1)
        return self.used() == before

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()


class World:
    """A bus, a keeper and a luod, all in one folder that goes away with it."""

    def __init__(self, host=None):
        """@host: a fakehost.FakeHost, whose folder then stands for "/"; it goes away with the world."""
        self.folder = tempfile.TemporaryDirectory(prefix="luod-bus-")
        self.host = host
        d = self.directory = self.folder.name
        self.root = host.root if host else os.path.join(d, "root")
        os.makedirs(os.path.join(self.root, "etc/luod"))
        os.makedirs(os.path.join(self.root, "proc"), exist_ok=True)
        with open(os.path.join(self.root, "proc/kallsyms"), "w", encoding="utf-8") as f:
            f.write("0000000000000000 T start_kernel\n")
        for name in ("run", "history"):
            os.mkdir(os.path.join(d, name))
        self.bus_address = f"unix:path={d}/bus"
        self.peer_address = f"unix:path={d}/peer"
        config = os.path.join(d, "bus.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(BUS_CONFIG.format(path=f"{d}/bus"))
        self.daemon = None
        self.config = config
        self.start_bus()
        self.keeper = Service(d, "keeper", [os.environ["KEEPER"]],
                              {"RUNTIME_DIRECTORY": f"{d}/run"})
        self.luod = Service(d, "luod", [
            os.environ["LUOD"], f"--bus={self.bus_address}", f"--peer-socket={d}/peer",
            f"--keeper={d}/run/keeper", f"--run-dir={d}/run", f"--history-dir={d}/history",
            f"--root={self.root}"], host.environment() if host else None)

    def start_bus(self):
        self.daemon = subprocess.Popen(["dbus-daemon", f"--config-file={self.config}", "--nofork"])
        wait_for(lambda: listens(os.path.join(self.directory, "bus")), "the bus")

    def stop_bus(self):
        self.daemon.terminate()
        self.daemon.wait(DEADLINE)

    def start(self):
        self.keeper.start()
        self.luod.start()
        wait_for(lambda: "org.luod1" in self.names(), "the bus name")
        return self

    def names(self):
        with Client(self.bus_address) as c:
            return c.connection.send_and_get_reply(message_bus.ListNames(), timeout=DEADLINE).body[0]

    def stop(self):
        codes = self.luod.stop(), self.keeper.stop()
        self.daemon.terminate()
        self.daemon.wait(DEADLINE)
        self.folder.cleanup()
        if self.host:
            self.host.close()
        return codes


class Client:
    """One connection; calls return the body, errors are raised as DBusErrorResponse."""

    def __init__(self, address):
        self.connection = open_dbus_connection(address, enable_fds=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.connection.close()

    def call(self, path, interface, member, signature=None, *body):
        address = DBusAddress(path, "org.luod1", interface)
        message = new_method_call(address, member, signature, body)
        reply = self.connection.send_and_get_reply(message, timeout=DEADLINE)
        if reply.header.message_type.name == "error":
            raise DBusErrorResponse(reply)
        return reply.body

    def manager(self, member, signature=None, *body):
        return self.call(ROOT, MANAGER, member, signature, *body)

    def create(self, name, **options):
        return self.manager("CreateSession", "sa{sv}", name, {
            key.replace("_", "-"): value for key, value in options.items()})[0]

    def session(self, path, member, signature=None, *body):
        return self.call(path, SESSION, member, signature, *body)

    def get(self, path, interface, name):
        return self.call(path, "org.freedesktop.DBus.Properties", "Get", "ss", interface, name)[0][1]

    def objects(self):
        return self.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")[0]

    def match(self, **rule):
        self.connection.send_and_get_reply(message_bus.AddMatch(MatchRule(**rule)), timeout=DEADLINE)


def error_of(function, *arguments, **options):
    """The D-Bus error name and text of a call that must fail."""
    try:
        function(*arguments, **options)
    except DBusErrorResponse as e:
        return e.name.removeprefix("org.luod1.Error."), e.data[0] if e.data else ""
    return "no error", ""


class Tap(unittest.TextTestResult):
    """unittest's results as TAP."""

    number = 0

    def line(self, test, word, note=""):
        Tap.number += 1
        print(f"{word} {Tap.number} - {test.id().removeprefix('__main__.')}{note}", flush=True)

    def addSuccess(self, test):
        self.line(test, "ok")

    def addSkip(self, test, reason):
        self.line(test, "ok", f" # SKIP {reason}")

    def addError(self, test, err):
        super().addError(test, err)
        self.line(test, "not ok")
        print("\n".join("# " + t for t in self.errors[-1][1].splitlines()))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(test, "not ok")
        print("\n".join("# " + t for t in self.failures[-1][1].splitlines()))


def tap_main():
    """unittest.main() of a script whose results are TAP."""
    runner = unittest.TextTestRunner(stream=open(os.devnull, "w", encoding="utf-8"),
                                     resultclass=Tap)
    result = unittest.main(testRunner=runner, exit=False).result
    print(f"1..{Tap.number}")
    sys.exit(not result.wasSuccessful())
