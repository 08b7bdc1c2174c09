# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs of cases: what a run needs is made, several run at a time, each leaves a
folder, and what they said becomes one TAP stream.

A run is a case in one guest.  Its folder, <build>/lab/<case>-<guest>/:

	serial.log  qemu.log  journal.log  results   the machine's channels
	build.log   host.log                         the case's host-side scripts
	tap                                          the verdict, as printed
	trace      stalls                            what the emulator saw of a device, and
	                                             when the host kept it from doing anything
	share/      case/ state/ out/ env            /lab of the guest
"""

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from . import bench, debian, initramfs, kernel, kerneldeb, machine, qemu, rootfs, tap
from .base import LabError, Spoilt, build_dir, cores, say
from .cache import digest

SKIP_STATUS = 77  # of a BUILD script, as automake has it
SHOWN_LINES = 40
SHOWN_LOGS = {"serial.log": SHOWN_LINES, "journal.log": 15, "host.log": 15}
ALWAYS = ("stock", "project", "next")
# Flavours that come with an initramfs.
MODULAR = {"debian": debian.image, "deb": kerneldeb.image}
ATTEMPTS = 3  # of a run that the host, or its emulator, has spoilt


def default_jobs():
    if os.environ.get("LAB_JOBS", "").isdigit():
        return max(1, int(os.environ["LAB_JOBS"]))
    return max(2, cores() // machine.CPUS)


class Lab:
    """Everything runs have in common: emulator, kernels, images; made once."""

    def __init__(self, cache):
        self.cache = cache
        self.qemu = None
        self._kernels = {}
        self._images = {}
        self._lock = threading.Lock()

    def prepare(self, runs):
        """Make what the runs need, before the first machine starts."""
        self.qemu = qemu.find(self.cache)
        guests = {guest for case, guest in runs if not case.bare()}
        # Guests are a matter of the archive and the disk, kernels of the processors.
        with ThreadPoolExecutor(1) as pool:
            bases = [pool.submit(rootfs.base, self.cache, guest) for guest in sorted(guests)]
            used = (f for case, _ in runs for f in (*case.kernels, *case.loaded))
            for flavour in dict.fromkeys([*(ALWAYS if guests else ()), *used]):
                self.kernel(flavour)
            for base in bases:
                base.result()
        if guests:
            self.install({(guest, self._in_boot(case)) for case, guest in runs
                          if not case.bare()})

    def install(self, wanted):
        """Make the images of (guest, flavours in /boot) with the project as it is now."""
        with self.cache.lock(f"project-{digest(str(build_dir()))}", "the project's installation"):
            project = build_dir() / "lab" / "root"
            rootfs.install_project(project)
            for guest, flavours in sorted(wanted):
                images = {self.release(f): self.kernel(f) for f in flavours}
                self._images[guest, flavours] = rootfs.image(self.cache, guest, images, project)
        return self._images

    @staticmethod
    def _in_boot(case):
        return tuple(sorted({*ALWAYS, *case.kernels}))

    def kernel(self, flavour):
        """The image file of a flavour."""
        if flavour not in self._kernels:
            if flavour in MODULAR:
                self._kernels[flavour] = MODULAR[flavour](self.cache) / "vmlinuz"
            else:
                self._kernels[flavour] = kernel.image(self.cache, flavour) / "bzImage"
        return self._kernels[flavour]

    def release(self, flavour):
        return (self.kernel(flavour).parent / "release").read_text().strip()

    def initrd(self, case):
        """The initramfs of a case with a program."""
        return initramfs.of_program(self.cache, case.program, [*map(self.kernel, case.kernels[1:])],
                                    {flavour: self.kernel(flavour) for flavour in case.loaded})

    def image(self, case, guest):
        return self._images[guest, self._in_boot(case)]


@contextmanager
def folder_for(name):
    """An empty folder for a run, locked against another lab with the same one."""
    top = build_dir() / "lab"
    top.mkdir(parents=True, exist_ok=True)
    with open(top / f".{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = top / name
        empty(folder)
        yield folder


def empty(folder):
    """What an earlier run, or an attempt that said nothing, has left would be taken for this one's."""
    shutil.rmtree(folder, ignore_errors=True)
    for sub in "case", "state", "out":
        (folder / "share" / sub).mkdir(parents=True)


def host_environment(lab, case, guest, folder):
    """What a case's host-side scripts are told."""
    env = dict(os.environ)
    env.update(CASE=case.name, GUEST=guest, RUN=str(folder), CASE_DIR=str(case.folder),
               SHARE=str(folder / "share/case/build"), OUT=str(folder / "share/out"),
               KERNEL=str(lab.kernel(case.kernels[0])), QMP=str(folder / "qmp"),
               LAB=str(Path(__file__).parent.parent / "lab"))
    return env


class HostScript:
    """A script beside the machine; killed with all it started."""

    def __init__(self, script, env, folder):
        self.log = folder / "host.log"
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([*machine.WITH_US, script], cwd=folder, env=env,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            start_new_session=True)

    def stop(self):
        """The status if it ended by itself, else None."""
        status = self.process.poll()
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(5)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        return status


def fill(lab, case, guest, folder):
    """The guest's side of the share."""
    share = folder / "share"
    shutil.copytree(case.folder, share / "case", dirs_exist_ok=True)
    (share / "case/build").mkdir(exist_ok=True)
    lines = {"LAB_CASE": case.name, "LAB_GUEST": guest, "LAB_JUMPS": case.jumps}
    if case.device:
        lines["LAB_DEVICE"] = bench.DEVICES[case.device].address
    if case.second:
        lines["LAB_SECOND"] = bench.SECOND.address
    for number, flavour in enumerate(case.kernels, 1):
        lines[f"LAB_RELEASE_{number}"] = lab.release(flavour)
    (share / "env").write_text("".join(f"export {k}={shlex.quote(str(v))}\n"
                                       for k, v in lines.items()))


def build_hook(case, env, folder):
    """Run the case's BUILD script: None, or the reason why the case is skipped."""
    log = folder / "build.log"
    with open(log, "wb") as out:
        done = subprocess.run([case.folder / case.build], cwd=folder, env=env, stdout=out,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
    lines = log.read_text(errors="replace").splitlines()
    if done.returncode == SKIP_STATUS:
        return lines[-1] if lines else "its BUILD script skips it"
    if done.returncode:
        tail = "\n".join(lines[-SHOWN_LINES:])
        raise LabError(f"{case.build} failed with {done.returncode}:\n{tail}")
    return None


def boot(lab, case, guest, folder, beside):
    """A machine for the case, not started."""
    append = f"{machine.KERNEL_APPEND if case.bare() else machine.APPEND} {case.append}".strip()
    if beside:
        append = f"{append} {beside.append()}"
    extra = shlex.split(case.qemu.replace("$RUN", shlex.quote(str(folder))))
    vm = machine.Machine(lab.qemu, folder, lab.kernel(case.kernels[0]), append,
                         memory=case.memory or machine.MEMORY, cpus=case.cpus, iommu=case.iommu,
                         extra=extra)
    if beside:
        beside.equip(vm)
    if case.bare():
        vm.initrd(lab.initrd(case) if case.program else folder / "initrd")
        return vm
    if case.kernels[0] in MODULAR:
        vm.initrd(MODULAR[case.kernels[0]](lab.cache) / "initrd")
    vm.disk(lab.image(case, guest))
    vm.journal_to("journal.log")
    vm.share("share")
    return vm


def run_case(lab, case, guest, folder):
    """One run; never raises for what goes wrong in it."""
    begin = time.monotonic()
    spoilt = []
    while True:
        result, problem = tap.Result(), None
        try:
            problem = _run(lab, case, guest, folder, result)
        except Spoilt as err:
            spoilt.append(str(err))
            if len(spoilt) < ATTEMPTS:
                empty(folder)
                continue
            problem = f"a run that says something, in {ATTEMPTS} attempts"
        except (LabError, OSError) as err:
            problem = str(err).splitlines()[0]
            result.lines += [f"# {line}" for line in str(err).splitlines()[1:]]
        break
    releases = [lab.release(flavour) for flavour in case.kernels] if case.program else None
    result.judge(case.jumps, problem, releases)
    result.lines += [f"# repeated: {why}" for why in spoilt]
    result.lines.append(f"# took {time.monotonic() - begin:.1f} s")
    if not result.ok():
        result.lines += explain(folder)
    return result


def _run(lab, case, guest, folder, result):
    fill(lab, case, guest, folder)
    env = host_environment(lab, case, guest, folder)
    if (missing := case.missing()):
        result.skipped = f"the project's kernel has no {missing}"
    elif case.build:
        result.skipped = build_hook(case, env, folder)
    if result.skipped is not None:
        return None
    around = bench.Bench(case, folder) if case.program or case.device else None
    with boot(lab, case, guest, folder, around) as vm:
        vm.serial_to("serial.log", "results")
        if case.host:
            machine.check_socket_path(folder / "qmp")
            vm.control("qmp")
        vm.start()
        if case.host:
            vm.wait_for_control("qmp")
        beside = HostScript(case.folder / case.host, env, folder) if case.host else None
        limit = case.deadline * float(os.environ.get("LAB_SLOW", 1))
        try:
            ended = around.watch(vm, limit) if around else vm.wait(limit)
        finally:
            early = beside.stop() if beside else None
    results = folder / "results"
    lines = results.read_text(errors="replace").splitlines() if results.exists() else []
    if beside:
        lines += [line for line in beside.log.read_text(errors="replace").splitlines()
                  if tap.LINE.match(line) or line.startswith("#")]
    for line in lines:
        result.feed(line)
    if not ended:
        return f"ends within {limit:.0f} s"
    if vm.status():
        qemu.blame(folder / "qemu.log")
        return f"the emulator ends with 0, not {vm.status()}"
    if early:
        return f"{case.host} goes on as long as the machine (ended with {early})"
    if around and result.done:
        for line in around.judge(lines):
            result.feed(line)
    return None


def explain(folder):
    """Where to look, and the end of the console."""
    lines = [f"# folder: {folder}"]
    for name, count in SHOWN_LOGS.items():
        log = folder / name
        if log.exists() and (tail := log.read_text(errors="replace").splitlines()[-count:]):
            lines.append(f"# last {len(tail)} lines of {name}:")
            lines += [f"#   {line}" for line in tail]
    return lines


class Stream:
    """One TAP stream on stdout, run after run, numbered through."""

    def __init__(self):
        self.next = 1
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}

    def add(self, case, guest, folder, result):
        head = f"{case.name} on {guest}"
        lines = [f"# {head}: {case.title}"]
        body = [tag(line, head) for line in result.lines]
        if result.skipped is not None and result.ok():
            body.append(f"ok - {head} # SKIP {result.skipped}")
            self.counts["skipped"] += 1
        else:
            self.counts["passed" if result.ok() else "failed"] += 1
        body, self.next = tap.numbered(body, self.next)
        text = "\n".join(lines + body) + "\n"
        (folder / "tap").write_text(text)
        sys.stdout.write(text)
        sys.stdout.flush()

    def end(self, left_out, only_tap):
        print(f"1..{self.next - 1}")
        if left_out:
            print(f"# not run: {', '.join(left_out)}")
        counts = self.counts
        skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
        remark = "# cases: " if only_tap else ""
        print(f"{remark}{counts['passed']} passed, {counts['failed']} failed{skipped}", flush=True)
        return 1 if counts["failed"] else 0


def tag(line, head):
    """In a stream of many runs a result must say whose it is."""
    for word in "not ok - ", "ok - ":
        if line.startswith(word):
            return f"{word}{head}: {line[len(word):]}"
    return line


def run_all(cache, runs, jobs, left_out=(), only_tap=False):
    """Run (case, guest) pairs; the exit status."""
    lab, stream = Lab(cache), Stream()
    print("TAP version 13", flush=True)
    lab.prepare(runs)

    def one(case, guest):
        with folder_for(f"{case.name}-{guest}") as folder:
            return folder, run_case(lab, case, guest, folder)

    # The longest first: nobody waits for a long one that started last.
    order = sorted(runs, key=lambda r: (-r[0].jumps, -r[0].deadline, r[0].name))
    with ThreadPoolExecutor(jobs) as pool:
        started = {pool.submit(one, case, guest): (case, guest) for case, guest in order}
        try:
            for future in as_completed(started):
                folder, result = future.result()
                stream.add(*started[future], folder, result)
        except BaseException:
            # Whatever it was, nobody waits for the others to end by themselves.
            pool.shutdown(wait=False, cancel_futures=True)
            machine.kill_all()
            raise
    return stream.end(left_out, only_tap)


def shell(cache, guest, flavour):
    """A guest on this terminal."""
    lab = Lab(cache)
    lab.qemu = qemu.find(cache)
    which = guest, tuple(dict.fromkeys([*ALWAYS, flavour]))
    image = lab.install([which])[which]
    with folder_for(f"shell-{guest}") as folder:
        append = machine.APPEND.replace("systemd.getty_auto=no", "lab.shell")
        vm = machine.Machine(lab.qemu, folder, lab.kernel(flavour), append)
        if flavour in MODULAR:
            vm.initrd(MODULAR[flavour](cache) / "initrd")
        vm.disk(image)
        vm.journal_to("journal.log")
        vm.share("share")
        vm.serial_here()
        say(f"/lab of the guest is {folder}/share")
        return vm.foreground()


