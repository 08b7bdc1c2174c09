# SPDX-License-Identifier: GPL-2.0-or-later
"""A case: a folder with case.conf and what happens before and after the jump.

	TITLE    one line (required)
	TIER     1: in every check; 2: in check-all (default 1)
	GUESTS   which of trixie and forky (default both); bare is a machine without
	         a distribution, booted from $RUN/initrd, which BUILD makes
	CHECK    of these guests, the ones that a tier 1 run takes; the others are left to --all
	         (default: all of GUESTS)
	JUMPS    live updates in it: 0, 1 or 2 (default 1)
	KERNEL   flavour that is booted (default project)
	NEXT     flavours jumped into, one per jump (default next, then project)
	APPEND   added to the kernel's command line; repeated options: last wins
	MEM      memory of the machine, as QEMU takes it (default 2G)
	CPUS     (default 2)
	QEMU     further arguments of QEMU; $RUN is the folder of the run
	DEADLINE seconds until a run counts as hung (default 300 per boot)
	BUILD    script run on the host before the machine; leaves files for the
	         guest in $SHARE (/lab/case/build in the guest)
	HOST     script run on the host beside the machine, killed with it
"""

from dataclasses import dataclass
from pathlib import Path

from .base import CASES, LabError, read_conf
from .kernel import FLAVOURS
from .rootfs import GUESTS

KEYS = {"TITLE", "TIER", "GUESTS", "CHECK", "JUMPS", "KERNEL", "NEXT", "APPEND", "MEM", "CPUS",
        "QEMU", "DEADLINE", "BUILD", "HOST"}
DEADLINE_PER_BOOT = 300
KERNELS = [*FLAVOURS, "debian"]
BARE = "bare"


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

    def in_tier(self, tier, guest):
        return self.tier <= tier and (tier > 1 or guest in self.check)

    def bare(self):
        return self.guests == (BARE,)

    def scripts(self):
        """What it must bring along for its boots."""
        if self.bare():
            return []
        names = ["before.sh", "after.sh", "after-2.sh"]
        return names[:self.jumps + 1]


def load(folder):
    conf = folder / "case.conf"
    if not conf.is_file():
        raise LabError(f"{folder} has no case.conf")
    values = read_conf(conf, KEYS, ("TITLE",))

    def number(key, default, allowed=None):
        text = values.get(key, str(default))
        if not text.isdigit() or (allowed and int(text) not in allowed):
            among = f" among {', '.join(map(str, allowed))}" if allowed else ""
            raise LabError(f"{conf}: {key}='{text}' is not a number{among}")
        return int(text)

    def words(key, default, known):
        found = values.get(key, default).split()
        for word in found:
            if word not in known:
                raise LabError(f"{conf}: {key} names '{word}' (known: {' '.join(known)})")
        return found

    jumps = number("JUMPS", 1, (0, 1, 2))
    nexts = words("NEXT", " ".join(["next", "project"][:jumps]), KERNELS)
    if len(nexts) != jumps:
        raise LabError(f"{conf}: NEXT names {len(nexts)} kernel(s) for {jumps} jump(s)")
    guests = words("GUESTS", " ".join(GUESTS), [*GUESTS, BARE])
    case = Case(
        name=folder.name, folder=folder, title=values["TITLE"], tier=number("TIER", 1, (1, 2)),
        guests=tuple(guests), check=tuple(words("CHECK", " ".join(guests), guests)), jumps=jumps,
        kernels=tuple(words("KERNEL", "project", KERNELS)[:1] + nexts),
        append=values.get("APPEND", ""), memory=values.get("MEM", ""),
        cpus=number("CPUS", 2), qemu=values.get("QEMU", ""),
        deadline=number("DEADLINE", DEADLINE_PER_BOOT * (jumps + 1)),
        build=values.get("BUILD", ""), host=values.get("HOST", ""))
    if BARE in case.guests and not (case.bare() and case.build):
        raise LabError(f"{conf}: GUESTS={BARE} goes alone and needs BUILD")
    for script in [*case.scripts(), *filter(None, [case.build, case.host])]:
        if not (folder / script).is_file():
            raise LabError(f"{folder}: {script} is missing")
    for name in ("after.sh", "after-2.sh")[jumps:]:
        if (folder / name).exists():
            raise LabError(f"{folder}: {name} is there, but JUMPS={jumps}")
    return case


def load_all(root=CASES):
    return [load(path) for path in sorted(root.iterdir()) if (path / "case.conf").exists()]


def select(cases, names):
    """The cases meant by names: a whole name, its number, what follows the number,
    or the path of a folder that is no case of ours."""
    chosen = []
    for name in names:
        if "/" in name:
            hits = [load(Path(name).absolute())]
        else:
            hits = [c for c in cases if name in (c.name, c.name.partition("-")[0],
                                                 c.name.partition("-")[2])]
        if not hits:
            raise LabError(f"no case '{name}'; see 'lab list'")
        chosen += [c for c in hits if c not in chosen]
    return chosen
