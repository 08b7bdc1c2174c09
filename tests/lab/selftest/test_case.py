#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What case.conf may say, and how cases are chosen."""

import os
import sys
import unittest
import unittest.mock
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from folder import Folder  # noqa: E402
from lablib import base, case  # noqa: E402


class CaseConf(Folder):
    def case(self, text, *files):
        self.write("07-x/case.conf", text)
        for name in files:
            self.write(f"07-x/{name}", "")
        return case.load(self.path / "07-x")

    def refused(self, words, text, *files):
        with self.assertRaisesRegex(base.LabError, words):
            self.case(text, *files)

    def test_defaults(self):
        one = self.case('TITLE="a case"\n', "before.sh", "after.sh")
        self.assertEqual((one.title, one.tier, one.jumps), ("a case", 1, 1))
        self.assertEqual(one.guests, ("trixie", "forky"))
        self.assertEqual(one.kernels, ("project", "next"))

    def test_two_jumps_come_home(self):
        one = self.case("TITLE=x\nJUMPS=2\n", "before.sh", "after.sh", "after-2.sh")
        self.assertEqual(one.kernels, ("project", "next", "project"))

    def test_any_number_of_jumps(self):
        one = self.case("TITLE=x\nJUMPS=5\n", "before.sh", "each.sh")
        self.assertEqual(one.kernels, ("project", *("next", "project") * 2, "next"))
        self.assertEqual(case.with_settings([one], ["N=2"])[0].kernels,
                         ("project", "next", "project"))
        self.assertEqual(case.with_settings([one], ["N=11"])[0].deadline, 2 * one.deadline)
        for words, setting in (("N=0 is not", "N=0"), ("N=x is not", "N=x"), ("1 to", "N=1000")):
            with self.assertRaisesRegex(base.LabError, words):
                case.with_settings([one], [setting])
        self.refused("after.sh is there, but so is each.sh", "TITLE=x\n", "before.sh", "each.sh",
                     "after.sh")
        (self.path / "07-x/each.sh").unlink()
        with self.assertRaisesRegex(base.LabError, "not for 07-x, which has no each.sh"):
            case.with_settings([self.case("TITLE=x\n", "before.sh", "after.sh")], ["N=2"])

    def test_errors_name_the_place(self):
        self.refused(r"case\.conf:2: unknown key 'GUEST'", "TITLE=x\nGUEST=forky\n")
        self.refused(r"case\.conf:3: 'TIER' is set twice", "TITLE=x\nTIER=1\nTIER=2\n")
        self.refused(r"case\.conf:1: expected KEY=VALUE", "TITLE\n")
        self.refused("'TITLE' is missing", "TIER=1\n")
        self.refused("JUMPS='3' is not a number among 0, 1, 2", "TITLE=x\nJUMPS=3\n")
        self.refused("GUESTS names 'sid'", "TITLE=x\nGUESTS=sid\n")
        self.refused(r"NEXT names 1 kernel\(s\) for 2", "TITLE=x\nJUMPS=2\nNEXT=next\n")
        self.refused("before.sh is missing", "TITLE=x\n")
        self.refused("bare goes alone", "TITLE=x\nGUESTS='bare forky'\n")

    def test_script_that_would_never_run(self):
        self.refused("after.sh is there, but JUMPS=0", "TITLE=x\nJUMPS=0\n", "before.sh",
                     "after.sh")

    def test_select(self):
        one = self.case("TITLE=x\nJUMPS=0\n", "before.sh")
        for name in "07-x", "07", "x":
            self.assertEqual(case.select([one], [name]), [one])
        with self.assertRaisesRegex(base.LabError, "no case 'y'"):
            case.select([one], ["y"])

    def test_variants(self):
        self.write("07-x/case-other.conf", "TIER=2\nAPPEND=b\n")
        one = self.case("TITLE=x\nJUMPS=0\nAPPEND=a\n", "before.sh")
        both = case.load_folder(one.folder)
        self.assertEqual([(c.name, c.title, c.tier, c.append) for c in both],
                         [("07-x", "x", 1, "a"), ("07-x-other", "x", 2, "b")])
        self.assertEqual(case.select(both, ["07"]), both)
        for names in ["x"], ["07-x"]:
            self.assertEqual(case.select(both, names), both[:1])
        self.assertEqual(case.select(both, ["x-other"]), both[1:])

    def test_program(self):
        text = "TITLE=x\nGUESTS=bare\nPROGRAM=dma\n"
        self.assertEqual(self.case(f"{text}DEVICE=nvme\nPROOF=running\n").device, "nvme")
        self.refused("either BUILD or PROGRAM", f"{text}BUILD=x\n")
        self.refused("'none' has no C file|has no C file", text.replace("dma", "none"))
        self.refused("PROOF is of a DEVICE", f"{text}PROOF=running\n")
        self.refused("SECOND goes with", f"{text}DEVICE=nvme\nSECOND=running\n")
        self.assertEqual(self.case(f"{text}DEVICE=e1000e\nFRAMES=9\n").frames, 9)
        self.refused("FRAMES go into an e1000e", f"{text}DEVICE=nvme\nFRAMES=9\n")
        self.refused("NEXT_APPEND is for GUESTS=bare", "TITLE=x\nNEXT_APPEND=x\n")
        self.refused("DEVICE names 'e1001'", f"{text}DEVICE=e1001\n")
        self.assertEqual(self.case(f"{text}DEVICE=edu\n").device, "edu")
        self.refused("does not trace what DEVICE=edu does", f"{text}DEVICE=edu\nPROOF=running\n")

    def test_needs(self):
        one = self.case("TITLE=x\nJUMPS=0\nNEEDS='CONFIG_LIVEUPDATE CONFIG_NO_SUCH'\n",
                        "before.sh")
        with unittest.mock.patch.dict(os.environ, {"LAB_KERNEL": ""}):
            self.assertEqual(one.missing(), "CONFIG_NO_SUCH")

    def test_ours_are_well_formed(self):
        folders = {c.folder.name for c in case.load_all()}
        numbers = {name.partition("-")[0] for name in folders}
        self.assertEqual(len(folders), len(numbers), "case numbers are unique")


if __name__ == "__main__":
    unittest.main()
