#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The fault matrix has its rows from luod itself: none of its steps and points is left out, and no new one."""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from folder import Folder  # noqa: E402
from lablib import base, case  # noqa: E402

LIBRARY = base.LAB / "guest/usr/lib/lab/fault.sh"
BEFORE = base.CASES / "93-fault-matrix"
AFTER = base.CASES / "94-fault-after"

# The case's own functions, but nothing happens: no row but its name.
DRY_RUN = """
. "$1"
FAULTS=$2
. "$3/rows.sh"
row_ends() { :; }
is() { if [ "$1" = "$2" ]; then echo "ok - $3"; else echo "not ok - $3: $1"; fi; }
"""


def points():
    """Where the luod of the test build can fail."""
    luod = os.environ.get("LUOD")
    if not luod:
        raise unittest.SkipTest("not possible here: LUOD does not say which luod")
    return subprocess.run([luod, "--faults"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()


class Dry(Folder):
    def bash(self, folder, points_of_luod, script, **env):
        """What a case's functions say when luod has these points."""
        library = self.write("fault.sh", "\n".join(line for line in LIBRARY.read_text().splitlines()
                                                   if not line.startswith(". ")))
        luod = self.write("luod", "#!/bin/sh\nprintf '%s\\n' " + " ".join(points_of_luod) + "\n")
        luod.chmod(0o755)
        done = subprocess.run(["bash", "-c", DRY_RUN + script, "bash", library, luod, folder], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env={**os.environ, **env})
        return done.stdout.splitlines()


class BeforeTheJump(Dry):
    kinds = ["error", *sorted(f.stem[len("case-"):] for f in BEFORE.glob("case-*.conf"))]

    def rows(self, kind, points_of_luod, more=""):
        script = f"{kind}_row() {{ :; }}\n{more}\nall_rows {kind}\nprintf '%s\\n' \"${{_rows[@]}}\"\n"
        return self.bash(BEFORE, points_of_luod, script + 'each_has_a_row "${steps[@]}"\n')

    def test_each_kind_is_a_variant(self):
        text = (BEFORE / "rows.sh").read_text()
        for end in "rows", "row":
            named = re.findall(rf"(?m)^(\w+)_{end}\(\)", text)
            self.assertEqual(sorted(set(named) - {"all"}), sorted(self.kinds))

    def test_each_step_has_rows(self):
        steps = [p[:-len(":act")] for p in points() if p.endswith(":act")]
        self.assertGreater(len(steps), 5)
        for kind in self.kinds:
            rows = self.rows(kind, points())
            wanted = steps[-1:] if kind == "refuse" else steps
            for step in wanted:
                self.assertTrue(any(row.startswith(f"{step}:") for row in rows), f"{kind}, {step}: {rows}")
            if kind != "refuse":
                self.assertEqual(rows[-1], "ok - no step is without a row")

    def test_each_point_of_a_step_is_one_to_be_killed_at(self):
        steps = {p.split(":")[0] for p in points() if p.endswith(":act")}
        killed = {row.split()[0] for row in self.rows("kill", points()) if row.endswith("SIGKILL of luod")}
        self.assertEqual({p for p in points() if p.split(":")[0] in steps}, killed)

    def test_a_new_step_has_rows(self):
        new = ["one:act", "one:done", "new:act", "new:done", "new:undo", "last:act"]
        for kind in set(self.kinds) - {"refuse"}:
            rows = self.rows(kind, new)
            self.assertTrue(any(row.startswith("new:") for row in rows), f"{kind}: {rows}")

    def test_a_step_without_a_row_is_seen(self):
        rows = self.rows("cancel", ["one:act", "one:done", "last:act"],
                         'cancel_rows() { [ "$1" = one ] || echo "$1:act Cancel"; }')
        self.assertEqual(rows, ["last:act Cancel", "not ok - no step is without a row: one"])


class AfterTheJump(Dry):
    def test_there_is_a_jump_for_each_point(self):
        found = [c for c in case.load_all() if c.folder == AFTER]
        self.assertGreater(len(found), 1)
        for one in found:
            got = self.bash(AFTER, points(), "points_of_case\nkind_of_case\n", LAB_CASE=one.name)
            self.assertEqual(len(got) - 1, one.jumps, one.name)
            self.assertIn(f"{got[-1]}() {{", (AFTER / "rows.sh").read_text())


if __name__ == "__main__":
    unittest.main()
