# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest says on the results channel, judged.

The guest writes unnumbered TAP and, between, lines for the host that begin
with ``@``.  A case is made of several boots; here their lines become one
stream, and the promises of a case are checked: the right number of boots, the
end reached, something asserted.
"""

import re
from dataclasses import dataclass, field

LINE = re.compile(r"(ok|not ok)\b(?:\s+\d+)?(?:\s*-)?\s*(.*)")
SKIP = re.compile(r"(.*?)\s*#\s*SKIP\b\s*(.*)", re.IGNORECASE)
PLAN_SKIP = re.compile(r"1\.\.0\s*#\s*SKIP\b\s*(.*)", re.IGNORECASE)


@dataclass
class Boot:
    number: int
    release: str
    uptime: float


@dataclass
class Result:
    """One run of a case in one guest."""
    lines: list = field(default_factory=list)  # TAP without numbers
    passed: int = 0
    failed: int = 0
    skipped: str = None  # reason when the case as a whole does not apply
    boots: list = field(default_factory=list)
    elapsed: list = field(default_factory=list)  # (from, to, cycles, tsc kHz)
    done: bool = False

    def feed(self, line):
        """One line of the channel; what is none of ours is kept as a remark."""
        line = line.rstrip("\r\n")
        if line.startswith("@ "):
            self._control(line[2:].split())
            return
        if (plan := PLAN_SKIP.match(line)):
            self.skipped = plan[1] or "no reason given"
        elif (test := LINE.match(line)):
            if test[1] == "ok":
                self.passed += 1
            else:
                self.failed += 1
            self.lines.append(f"{test[1]} - {test[2]}")
        elif line:
            self.lines.append(line if line.startswith("#") else f"# {line}")

    def _control(self, words):
        if words[0] == "boot" and len(words) == 4:
            self.boots.append(Boot(int(words[1]), words[2], float(words[3])))
            self.lines.append(f"# boot {words[1]}: {words[2]}, {words[3]} s after its start")
        elif words[0] == "elapsed" and len(words) == 5:
            self.elapsed.append((words[1], words[2], int(words[3]), int(words[4])))
        elif words == ["done"]:
            self.done = True

    def fail(self, text):
        self.failed += 1
        self.lines.append(f"not ok - {text}")

    def judge(self, jumps, problem=None, releases=None):
        """What only the host can see; problem is what went wrong with the machine,
        releases are what the boots should run, if no agent looks at that."""
        if problem:
            self.fail(problem)
        if self.skipped is not None:
            return
        if len(self.boots) != jumps + 1:
            self.fail(f"{jumps + 1} boot(s), not {len(self.boots)}")
        for boot, release in zip(self.boots, releases or ()):
            if boot.release != release:
                self.fail(f"boot {boot.number} runs {release}, not {boot.release}")
        if not self.done and not problem:
            self.fail("the agent reached the end of the case")
        # The agent's own checks of each boot do not count as the case's.
        own = sum(1 for line in self.lines
                  if re.match(r"(not )?ok - (?!boot \d+ )", line))
        if not own and not self.failed:
            self.fail("the case asserts something")

    def ok(self):
        return self.failed == 0


def parse(text):
    result = Result()
    for line in text.splitlines():
        result.feed(line)
    return result


def numbered(lines, first=1):
    """TAP lines with numbers, and the next number."""
    out = []
    for line in lines:
        if (test := LINE.match(line)):
            out.append(f"{test[1]} {first} - {test[2]}")
            first += 1
        else:
            out.append(line)
    return out, first
