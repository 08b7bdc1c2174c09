# SPDX-License-Identifier: GPL-2.0-or-later
"""A case: a folder with case.conf and what happens before and after the jump.

	TITLE    one line (required)
	TIER     1: in every check; 2: in check-all (default 1)
	GUESTS   which of trixie and forky (default both); bare is a machine without
	         a distribution, booted from $RUN/initrd, which BUILD makes
	CHECK    of these guests, the ones that a tier 1 run takes; the others are left to --all
	         (default: all of GUESTS)
	JUMPS    live updates in it: 0, 1 or 2 (default 1); any number with each.sh, which is what every
	         boot but the first runs then. N= of "lab run" sets it for such cases
	KERNEL   flavour that is booted (default project)
	NEXT     flavours jumped into, one per jump, or with each.sh by turns (default next, then
	         project)
	APPEND   added to the kernel's command line; repeated options: last wins
	MEM      memory of the machine, as QEMU takes it (default 2G)
	CPUS     (default 2)
	QEMU     further arguments of QEMU; $RUN is the folder of the run
	DEADLINE seconds until a run counts as hung (default 600 per boot)
	BUILD    script run on the host before the machine; leaves files for the
	         guest in $SHARE (/lab/case/build in the guest)
	HOST     script run on the host beside the machine, killed with it
	NEEDS    options (CONFIG_X) that the project's kernel or KERNEL must have; without
	         them no tier takes the case

	IOMMU    further properties of the virtual IOMMU
	DEVICE   what is handed over (see bench.py); the only one of its kind in the machine.
	         The case finds its address in LAB_DEVICE
	FRAMES   that the host sends it each second, if it is an e1000e (default 200); with fewer its
	         ring is enough for a device that nobody serves for more than two minutes
	PROOF    what the emulator's traces must show of it: running, stopped,
	         or rebooted; or seen: what must not happen to it does, on purpose
	SECOND   what they must show of a second e1000e beside that one: running, stopped
	         or nothing. Its address is in LAB_SECOND; the case says what each of
	         them reaches (device_reaches), if that is to be judged

and for GUESTS=bare, instead of BUILD:

	PROGRAM  folder of the lab whose C files, linked statically, are the init of all
	         boots; it finds the next kernel and initramfs in /next, and what it shall
	         do in APPEND
	NEXT_APPEND  for the next kernel's command line; the program sees it in lab.next
	LOADED   flavours that it finds in /loaded, to be refused

A case-NAME.conf is a variant: the case again, with these keys on top.
"""

from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path

from .base import CASES, LAB, LabError, read_conf
from . import kernel
from .kernel import FLAVOURS
from .rootfs import GUESTS

KEYS = {"TITLE", "TIER", "GUESTS", "CHECK", "JUMPS", "KERNEL", "NEXT", "APPEND", "MEM", "CPUS",
        "QEMU", "DEADLINE", "BUILD", "HOST", "NEEDS", "PROGRAM", "NEXT_APPEND", "LOADED", "IOMMU",
        "DEVICE", "FRAMES", "PROOF", "SECOND"}
DEADLINE_PER_BOOT = 600
EACH = "each.sh"
JUMPS_MOST = 200
KERNELS = [*FLAVOURS, "debian", "deb"]
BARE = "bare"
DEVICES = ("e1000e", "e1000e-behind-port", "nvme", "nvme-slower", "edu")
UNTRACED = ("edu",)
PROOFS = ("running", "stopped", "rebooted", "seen")
SECONDS = ("running", "stopped", "nothing")


@dataclass(frozen=True)
class Case:
    name: str
    folder: Path
    title: str
    tier: int
    guests: tuple
    check: tuple  # of guests: in tier 1
    jumps: int
    kernels: tuple  # of boot 1, 2, ...
    append: str
    memory: str
    cpus: int
    qemu: str
    deadline: int
    build: str
    host: str
    needs: tuple
    program: str
    next_append: str
    loaded: tuple
    iommu: str
    device: str
    frames: int  # 0: as always
    proof: str
    second: str

    def in_tier(self, tier, guest):
        return self.tier <= tier and (tier > 1 or guest in self.check)

    def bare(self):
        return self.guests == (BARE,)

    def missing(self):
        """The options it needs that neither the project's kernel has nor the one it boots."""
        return " ".join(option for option in self.needs if not kernel.has(option)
                        and not kernel.has(option, self.kernels[0]))

    def scripts(self):
        """What it must bring along for its boots."""
        if self.bare():
            return []
        names = ["before.sh", EACH] if self.goes_on() else ["before.sh", "after.sh", "after-2.sh"]
        return names[:self.jumps + 1]

    def goes_on(self):
        """May it have any number of jumps?"""
        return (self.folder / EACH).exists()

    def with_jumps(self, jumps):
        """The case with as many jumps; its deadline grows along."""
        turns = islice(cycle(self.kernels[1:]), jumps)
        return replace(self, jumps=jumps, kernels=(self.kernels[0], *turns),
                       deadline=self.deadline // (self.jumps + 1) * (jumps + 1))


def load(folder, variant=""):
    """The case in a folder, or a variant of it."""
    conf = folder / "case.conf"
    if not conf.is_file():
        raise LabError(f"{folder} has no case.conf")
    values = read_conf(conf, KEYS, ("TITLE",))
    if variant:
        conf = folder / f"case-{variant}.conf"
        values |= read_conf(conf, KEYS)
    case = _case(folder, variant, conf, values)
    _check(case, conf)
    return case


def spelled(numbers):
    """1 to 9, or 1, 2, 5."""
    if isinstance(numbers, range):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))


def _case(folder, variant, conf, values):
    def number(key, default, allowed=None):
        text = values.get(key, str(default))
        if not text.isdigit() or (allowed and int(text) not in allowed):
            among = f" among {spelled(allowed)}" if allowed else ""
            raise LabError(f"{conf}: {key}='{text}' is not a number{among}")
        return int(text)

    def words(key, default, known):
        found = values.get(key, default).split()
        for word in found:
            if word not in known:
                raise LabError(f"{conf}: {key} names '{word}' (known: {' '.join(known)})")
        return tuple(found)

    def word(key, known):
        return " ".join(words(key, "", known)[:1])

    each = (folder / EACH).exists()
    jumps = number("JUMPS", 1, range(1, JUMPS_MOST) if each else (0, 1, 2))
    nexts = words("NEXT", " ".join(["next", "project"][:jumps]), KERNELS)
    if each:
        nexts = tuple(islice(cycle(nexts), jumps))
    if len(nexts) != jumps:
        raise LabError(f"{conf}: NEXT names {len(nexts)} kernel(s) for {jumps} jump(s)")
    guests = words("GUESTS", " ".join(GUESTS), [*GUESTS, BARE])
    return Case(
        name="-".join(filter(None, [folder.name, variant])), folder=folder,
        title=values["TITLE"], tier=number("TIER", 1, (1, 2)),
        guests=guests, check=words("CHECK", " ".join(guests), guests), jumps=jumps,
        kernels=words("KERNEL", "project", KERNELS)[:1] + nexts,
        append=values.get("APPEND", ""), memory=values.get("MEM", ""),
        cpus=number("CPUS", 2), qemu=values.get("QEMU", ""),
        deadline=number("DEADLINE", DEADLINE_PER_BOOT * (jumps + 1)),
        build=values.get("BUILD", ""), host=values.get("HOST", ""),
        needs=tuple(values.get("NEEDS", "").split()), program=values.get("PROGRAM", ""),
        next_append=values.get("NEXT_APPEND", ""), loaded=words("LOADED", "", KERNELS),
        iommu=values.get("IOMMU", ""), device=word("DEVICE", DEVICES),
        frames=number("FRAMES", 0), proof=word("PROOF", PROOFS),
        second=word("SECOND", SECONDS))


def _check(case, conf):
    """What has to fit together."""
    if BARE in case.guests and not (case.bare() and bool(case.build) != bool(case.program)):
        raise LabError(f"{conf}: GUESTS={BARE} goes alone and needs either BUILD or PROGRAM")
    if case.program and not list((LAB / case.program).glob("*.c")):
        raise LabError(f"{conf}: PROGRAM={case.program} has no C file")
    if case.frames and not case.device.startswith("e1000e"):
        raise LabError(f"{conf}: FRAMES go into an e1000e")
    used = {"PROGRAM": case.program, "NEXT_APPEND": case.next_append, "LOADED": case.loaded}
    if not case.bare() or not case.program:
        for key in (key for key, value in used.items() if value):
            raise LabError(f"{conf}: {key} is for GUESTS={BARE} with PROGRAM")
    if case.proof and not case.device:
        raise LabError(f"{conf}: PROOF is of a DEVICE")
    if case.proof and case.device in UNTRACED:
        raise LabError(f"{conf}: the emulator does not trace what DEVICE={case.device} does")
    if case.second and case.device != "e1000e":
        raise LabError(f"{conf}: SECOND goes with DEVICE=e1000e")
    for script in [*case.scripts(), *filter(None, [case.build, case.host])]:
        if not (case.folder / script).is_file():
            raise LabError(f"{case.folder}: {script} is missing")
    for name in ("after.sh", "after-2.sh"):
        if (case.folder / name).exists() and name not in case.scripts():
            why = f"so is {EACH}" if case.goes_on() else f"JUMPS={case.jumps}"
            raise LabError(f"{case.folder}: {name} is there, but {why}")


def load_folder(folder):
    """The case and its variants."""
    variants = sorted(path.stem.partition("-")[2] for path in folder.glob("case-*.conf"))
    return [load(folder, variant) for variant in ["", *variants]]


def load_all(root=CASES):
    return [case for path in sorted(root.iterdir()) if (path / "case.conf").exists()
            for case in load_folder(path)]


def with_settings(cases, words):
    """Cases after N=JUMPS among the words of a command line."""
    for text in (word.partition("=")[2] for word in words if word.startswith("N=")):
        allowed = range(1, JUMPS_MOST)
        if not text.isdigit() or int(text) not in allowed:
            raise LabError(f"N={text} is not a number among {spelled(allowed)}")
        if (fixed := [one.name for one in cases if not one.goes_on()]):
            raise LabError(f"N={text} is not for {fixed[0]}, which has no {EACH}")
        cases = [one.with_jumps(int(text)) for one in cases]
    return cases


def select(cases, names):
    """The cases meant by names: a whole name, what follows the number, the number (then
    all variants), or the path of a folder that is no case of ours."""
    chosen = []
    for name in names:
        if "/" in name:
            hits = load_folder(Path(name).absolute())
        else:
            hits = [c for c in cases if name in (c.name, c.name.partition("-")[0],
                                                 c.name.partition("-")[2])]
        if not hits:
            raise LabError(f"no case '{name}'; see 'lab list'")
        chosen += [c for c in hits if c not in chosen]
    return chosen
