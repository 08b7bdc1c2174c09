# SPDX-License-Identifier: GPL-2.0-or-later
"""What the emulator's traces prove about a device that is handed over.

A sequence of frames without gaps does not prove that DMA went on: a device that
was stopped pushes back, and what waits in buffers hides it. Proof is what the
emulator saw the device do, phase by phase: writes to the guest's memory, no
pause longer than those before the jump, translation never off, bus mastering
never off, no reset, no fault. Times in which the host did not let the emulator
run, or the source of frames, do not count as pauses.

That something never happened says nothing when nobody would have noticed it. So
each run must show, in the phases before the device is handed over, that what is
watched is traced; and a run of its own does to a device on purpose what must not
happen to one, and all of it must be seen, by this same reader.

The guest marks the beginning of a phase with a write to a scratch register of
the host bridge, so phases and writes are stamped by the same clock.

Pure: reads a trace, and gives lines of TAP.
"""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from statistics import median

EVENTS = ("vtd_reg_write_gcmd", "vtd_dmar_fault", "pci_cfg_write", "pci_pm_transition")

LINE = re.compile(r"\d+@([0-9.]+):(\w+) ?(.*)")
CONFIG = re.compile(r"\S+ ([0-9a-f:.]+) @0x([0-9a-f]+) <- 0x([0-9a-f]+)")
POWER = re.compile(r"\S+ ([0-9a-f:.]+) ")
TARGET = re.compile(r"addr: 0x([0-9a-f]+)")
SOURCE = re.compile(r"sid 0x([0-9a-f]+)")
HOST_BRIDGE, SCRATCH = "00:00.0", 0xdc
COMMAND, MASTER, TRANSLATION = 4, 1 << 2, 1 << 31

# A pause is too long when it is longer than so many of the longest before the jump.
# But what a busy host adds to the time that is usual between two writes (10 to 100 ms; 330
# at a load of 17 on 4 cores) is none; and one that is slow before the jump has no more than
# PAUSE_MOST. A device that is stopped by the jump pauses for longer than a kernel boots.
RATIO, NOISE, PAUSE_MOST = 3, 0.5, 1.0
# Kinds of events that each trace must have, besides the subject's resets.
TRANSLATED, MASTERED = "translation switched on", "bus mastering switched on of {}"
POWERED = "power state changed"
# Writes that were on their way when bus mastering went off.
LATE = 0.05
# Phases too short to have a write in each.
SHORT = ("setup", "switch")


@dataclass(frozen=True)
class Subject:
    """What is looked at. The events of a kind of device do not say which device it
    was: there must be only one of the kind, or it is known by what it reaches."""
    watched: tuple  # addresses of what must not lose bus mastering: it, bridges above it
    writes: str     # event: the device writes to the guest's memory
    resets: tuple   # events: it is reset
    failures: tuple = ()  # events: what looked like a write was none
    reaches: tuple = ()  # (begin, end) of the addresses that no other of its kind writes to

    def events(self):
        return [*EVENTS, self.writes, *self.resets, *self.failures]

    def wrote(self, text):
        """Was it this device that wrote?"""
        if not self.reaches:
            return True
        begin, end = self.reaches
        return bool(target := TARGET.search(text)) and begin <= int(target[1], 16) < end

    def faulted(self, text):
        """Was it this device whose access was refused? What another one tries that was left
        behind, before its driver has reset it, is that one's."""
        if not self.reaches:
            return True
        bus, slot, function = (int(part, 16) for part in re.split("[:.]", self.watched[0]))
        return bool(source := SOURCE.search(text)) and (
            int(source[1], 16) == bus << 8 | slot << 3 | function)


@dataclass
class Record:
    """A run: phases as (name, begin), the last one is the end; and what happened when."""
    subject: Subject
    phases: list = field(default_factory=list)
    writes: list = field(default_factory=list)
    resets: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    failures: list = field(default_factory=list)
    powered: list = field(default_factory=list)
    untranslated: list = field(default_factory=list)
    mastered: list = field(default_factory=list)  # (when, address) of bus mastering off
    traced: Counter = field(default_factory=Counter)  # what there was before phase "before"
    stalls: list = field(default_factory=list)  # (begin, end): the host stood still

    def since(self):
        return next((begin for name, begin in self.phases if name == "before"), 0)

    def at(self, when):
        """The phase of a moment."""
        return next((name for name, begin in reversed(self.phases) if begin <= when), "start")

    def pause(self, begin, end):
        """How long the device could have done something between two moments."""
        rest = end - begin
        for since, until in sorted(self.stalls):
            rest -= max(0, min(end, until) - max(begin, since))
            begin = max(begin, until)  # what the next one overlaps does not count twice
        return rest

    def stood_still(self):
        """The share of the run in which the host stood still, and pauses are excused."""
        begin, end = self.since(), self.phases[-1][1] if self.phases else 0
        return 1 - self.pause(begin, end) / (end - begin) if end > begin else 0

    def cut(self, begin, end):
        """Forget what happened outside."""
        for kind in (self.writes, self.resets, self.faults, self.failures,
                     self.powered, self.untranslated):
            kind[:] = [when for when in kind if begin <= when <= end]
        self.mastered = [one for one in self.mastered if begin <= one[0] <= end]

    def found(self):
        """What must not happen to a device that is handed over, and when it did."""
        return {"DMAR fault": self.faults, "translation switched off": self.untranslated,
                "bus mastering switched off": [when for when, _ in self.mastered],
                "device reset": self.resets, POWERED: self.powered, **self.failed()}

    def failed(self):
        """As found(), if the device has an event for it."""
        return {"write that failed": self.failures} if self.subject.failures else {}

    def spans(self):
        """(name, begin, end) of each phase."""
        return [(name, begin, end)
                for (name, begin), (_, end) in zip(self.phases, self.phases[1:])]


def read(path, names, boots, subject, stalls=()):
    """The record of a trace; names are the phases as the guest told them, boots are
    when kernels began."""
    record, marks, kinds = Record(subject, stalls=list(stalls)), [], []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if (event := LINE.match(line)):
                kind = _take(record, marks, subject, float(event[1]), event[2], event[3])
                kinds.append((float(event[1]), kind))
    record.phases = _phases(names, marks, boots)
    record.traced.update({kind: 0 for kind in _wanted(subject)})
    record.traced.update(kind for when, kind in kinds if kind and when < record.since())
    record.cut(record.since(), float("inf"))
    return record


def _wanted(subject):
    """The kinds of events that must be in each trace."""
    return [TRANSLATED, POWERED, *(MASTERED.format(address) for address in subject.watched),
            *subject.resets]


def _take(record, marks, subject, when, name, text):
    """Note an event; says of which kind it is, if each trace must have some of it."""
    if name == subject.writes:
        if subject.wrote(text):
            record.writes.append(when)
    elif name in subject.resets:
        record.resets.append(when)
        return name
    elif name in subject.failures:
        record.failures.append(when)
    elif name == "vtd_dmar_fault":
        if subject.faulted(text):
            record.faults.append(when)
    elif name == "vtd_reg_write_gcmd":
        if int(re.findall(r"0x([0-9a-f]+)", text)[-1], 16) & TRANSLATION:
            return TRANSLATED
        record.untranslated.append(when)
    elif name == "pci_pm_transition":
        if (power := POWER.match(text)) and power[1] in subject.watched:
            record.powered.append(when)
            return POWERED
    elif (config := CONFIG.match(text)):
        return _take_config(record, marks, subject, when, config[1], int(config[2], 16),
                            int(config[3], 16))
    return None


def _take_config(record, marks, subject, when, address, offset, value):
    if address == HOST_BRIDGE and offset == SCRATCH:
        marks.append(when)
    elif address in subject.watched and offset == COMMAND:
        if value & MASTER:
            return MASTERED.format(address)
        record.mastered.append((when, address))
    return None


def _phases(names, marks, boots):
    """Phases by their marks; the boot of a kernel that is jumped into is one, too."""
    phases = []
    for (name, begin), (_, end) in zip(zip(names, marks), [*zip(names, marks)][1:] + [("", None)]):
        phases.append((name, begin))
        if name == "jump":
            phases += [("early boot", when) for when in boots
                       if begin < when and (end is None or when < end)][:1]
    return phases


def judge(record, want):
    """TAP of what shall be proven: that it was running, or stopped, or running until a
    reboot; or that what must not happen is seen when it does."""
    if len(record.phases) < 2 or record.phases[-1][0] != "end":
        return ["not ok - the trace has all phases"]
    traced = ", ".join(f"{kind}: {count}" for kind, count in record.traced.items())
    return [f"# {len(record.writes)} writes by the device",
            _ok(record.traced and all(record.traced.values()), f"traced before: {traced}"),
            *JUDGES[want](record)]


def _ok(good, text):
    return f"{'ok' if good else 'not ok'} - {text}"


def _pause(record, begin, end):
    """The longest time without a write between two moments."""
    edges = [begin, *(w for w in record.writes if begin <= w < end), end]
    return max(record.pause(a, b) for a, b in zip(edges, edges[1:]))


def _usual(record):
    """The usual time between two writes before the jump."""
    before = [when for when in record.writes if record.at(when) == "before"]
    return median([0, *(b - a for a, b in zip(before, before[1:]))])


def _running(record):
    lines, before = [], 0.0
    record.cut(record.since(), record.phases[-1][1])  # then the machine is switched off
    usual = _usual(record)
    for name, begin, end in record.spans():
        count = sum(1 for when in record.writes if begin <= when < end)
        if name == "before" and count:  # what it waits for begins when the phase has begun
            begin = next(when for when in record.writes if begin <= when)
        able = record.pause(begin, end)
        pause, still = _pause(record, begin, end), end - begin - able
        if name == "before":
            before = pause
        said = (f"{name}: {end - begin:.3f} s, {count} writes by the device, "
                f"longest pause {pause * 1000:.1f} ms"
                + (f", the host stood still for {still:.3f} s" if still > 0.001 else ""))
        short = name in SHORT or able < usual  # a write may well fall beside it
        lines.append(f"# {said}" if short else _ok(count, said))
    # To the end: what is never written again is a pause, too.
    inside = [*(w for w in record.writes if record.since() <= w), record.phases[-1][1]]
    pauses = sorted(((record.pause(a, b), a) for a, b in zip(inside, inside[1:])), reverse=True)[:3]
    said = ", ".join(f"{length * 1000:.1f} ms in '{record.at(when)}'" for length, when in pauses)
    most = min(max(RATIO * before, usual + NOISE), PAUSE_MOST)
    lines.append(_ok(pauses and pauses[0][0] <= most,
                     f"longest pauses: {said}; before the jump {before * 1000:.1f} ms, "
                     f"so at most {most * 1000:.1f} ms"))
    longest = max((until - since for since, until in record.stalls), default=0)
    lines.append(f"# the host stood still for {record.stood_still():.0%} of the time, "
                 f"at most {longest * 1000:.1f} ms")
    return lines + [_ok(not found, f"{what}: {_times(record, found)}")
                    for what, found in record.found().items()]


def _times(record, found):
    return f"{len(found)} times, first in '{record.at(found[0])}'" if found else "never"


def _stopped(record):
    """A device that must not be kept: bus mastering goes before translation does."""
    if not record.mastered:
        return ["not ok - bus mastering is switched off"]
    first = record.mastered[0][0]
    late = [when for when in record.writes if when > first + LATE]
    early = [when for when in record.untranslated if when < first]
    running = [when for when in record.writes if when < first]
    # One that had nothing to do any more would not have written either.
    idle = record.pause(running[-1], first) if running else 0
    silent = record.phases[-1][1] - max([first, *record.writes])
    return [
        _ok(running, f"the device wrote {len(running)} times before it was stopped, "
                     f"in '{record.at(first)}'"),
        _ok(idle <= PAUSE_MOST, f"the last time {idle * 1000:.1f} ms before that, "
                                f"so it had work, and then it was silent for {silent:.3f} s"),
        _ok(not late, f"writes after bus mastering was switched off: {_times(record, late)}"),
        _ok(not early, f"translation switched off before bus mastering: {_times(record, early)}"),
    ]


def _rebooted(record):
    """A device that is running to the end, and stopped by the reboot that follows."""
    end = record.phases[-1][1]
    after = replace(record, writes=list(record.writes),
                    mastered=[one for one in record.mastered if one[0] >= end],
                    untranslated=[when for when in record.untranslated if when >= end])
    return [*_running(record), *_stopped(after),
            _ok(after.untranslated, "the reboot switches translation off")]


def _seen(record):
    """What must not happen was done on purpose, after the phase "before"."""
    lines = []
    for what, found in record.found().items():
        early = [when for when in found if record.at(when) == "before"]
        lines += [_ok(found, f"{what}, on purpose: {_times(record, found)}"),
                  _ok(not early, f"{what}, not on purpose: {_times(record, early)}")]
    off = {address for _, address in record.mastered}
    lines.append(_ok(off == set(record.subject.watched),
                     f"bus mastering switched off of {', '.join(sorted(off))}"))
    return lines


JUDGES = {"running": _running, "stopped": _stopped, "rebooted": _rebooted, "seen": _seen}
