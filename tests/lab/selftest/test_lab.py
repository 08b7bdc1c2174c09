#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of the lab that boot nothing: keys, caches, tables, TAP."""

import dataclasses
import io
import os
import re
import sys
import threading
import time
import types
import unittest
import unittest.mock
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from folder import Folder  # noqa: E402
from lablib import (apt, base, bench, cache, cli, initramfs, kernel,  # noqa: E402
                    packages, proof, qemu, runner, tap)


class Digest(Folder):
    def test_structure_counts(self):
        self.assertNotEqual(cache.digest("a", "bc"), cache.digest("ab", "c"))
        self.assertNotEqual(cache.digest(["a"], "b"), cache.digest(["a", "b"]))
        self.assertNotEqual(cache.digest(1), cache.digest("1"))
        self.assertEqual(cache.digest({"a": 1, "b": 2}), cache.digest({"b": 2, "a": 1}))

    def test_files_count_by_content_and_mode(self):
        one, two = self.write("x/f", "same"), self.write("y/f", "same")
        self.assertEqual(cache.digest(one.parent), cache.digest(two.parent))
        os.utime(two, (1, 1))
        self.assertEqual(cache.digest(one), cache.digest(two))
        two.chmod(0o755)
        self.assertNotEqual(cache.digest(one), cache.digest(two))
        two.chmod(0o644)
        two.rename(two.with_name("g"))
        self.assertNotEqual(cache.digest(one.parent), cache.digest(two.parent))

    def test_links_are_not_followed(self):
        (self.path / "d").mkdir()
        (self.path / "d/l").symlink_to("/nonexistent")
        cache.digest(self.path / "d")


class CacheEntries(Folder):
    def setUp(self):
        super().setUp()
        self.cache = cache.Cache(self.path / "cache")
        self.built = 0

    def build(self, work):
        self.built += 1
        (work / "content").write_text("x")

    def test_built_once(self):
        for _ in range(2):
            path = self.cache.get("thing", "0" * 16, self.build)
            self.assertEqual((path / "content").read_text(), "x")
        self.assertEqual(self.built, 1)

    def test_two_at_a_time_build_once(self):
        others = [cache.Cache(self.cache.root) for _ in range(4)]
        threads = [threading.Thread(target=c.get, args=("thing", "1" * 16, self.build))
                   for c in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.built, 1)

    def test_failure_leaves_nothing(self):
        def broken(work):
            self.build(work)
            raise base.LabError("no")
        with self.assertRaises(base.LabError):
            self.cache.get("thing", "2" * 16, broken)
        self.assertFalse(self.cache.path("thing", "2" * 16).exists())
        self.cache.get("thing", "2" * 16, self.build)

    def test_leftovers_are_not_trusted(self):
        stale = self.cache.root / "tmp/thing"
        self.cache.open()
        stale.mkdir(parents=True)
        (stale / "half").write_text("made")
        path = self.cache.get("thing", "3" * 16, self.build)
        self.assertEqual(os.listdir(path), ["content"])

    def test_prune_keeps_what_is_held(self):
        held = self.cache.get("thing", "4" * 16, self.build)
        other = cache.Cache(self.cache.root)
        gone = other.get("thing", "5" * 16, self.build)
        for fd in other._held.values():
            os.close(fd)
        os.utime(held, (1, 1))
        os.utime(gone, (2, 2))
        self.cache.get("thing", "6" * 16, self.build, keep=1)
        self.assertTrue(held.exists())
        self.assertFalse(gone.exists())

    def test_clean_refuses_strangers(self):
        stranger = self.path / "home"
        stranger.mkdir()
        (stranger / "letter").write_text("dear")
        with self.assertRaises(base.LabError):
            cache.Cache(stranger).clean()
        with self.assertRaises(base.LabError):
            cache.Cache(stranger).open()
        self.cache.get("thing", "7" * 16, self.build)
        self.assertTrue(self.cache.clean())
        self.assertFalse(self.cache.root.exists())


class Sources(unittest.TestCase):
    ONE_LINE = ("# deb http://gone/debian bookworm main\n"
                "deb-src http://src/debian bookworm main\n"
                "deb [arch=amd64 signed-by=/k.gpg] http://mirror/debian bookworm main contrib\n")
    DEB822 = ("Types: deb\nURIs: http://tools/apt\nSuites: bookworm\nComponents: tools\n\n"
              "Types: deb deb-src\n# remark\nURIs: http://mirror/debian\n"
              "Suites: bookworm\n bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n\n"
              "Enabled: no\nTypes: deb\nURIs: http://off/debian\nSuites: bookworm\n"
              "Components: main\n")

    def test_one_line(self):
        self.assertEqual(apt.archive(apt.parse_one_line(self.ONE_LINE), "bookworm"),
                         ("http://mirror/debian", "/k.gpg"))

    def test_deb822(self):
        entries = apt.parse_deb822(self.DEB822)
        self.assertEqual(len(entries), 2)
        self.assertEqual(apt.archive(entries, "bookworm"), ("http://mirror/debian", "/k.gpg"))
        self.assertIn("bookworm-updates", entries[1][2])

    def test_none(self):
        with self.assertRaisesRegex(base.LabError, "LAB_ARCHIVE"):
            apt.archive(apt.parse_deb822(self.DEB822), "trixie")


class Tap(unittest.TestCase):
    GOOD = ("@ boot 1 7.3.4-luod 8.10\nok - boot 1 runs the expected kernel\nok - a thing\n"
            "# remark\n@ boot 2 7.3.4-luod-next 7.90\nok - another # with a hash\n"
            "@ elapsed jump agent 20000000000 2400000\n@ done\n")

    def judged(self, text, jumps, problem=None):
        result = tap.parse(text)
        result.judge(jumps, problem)
        return result

    def test_good(self):
        result = self.judged(self.GOOD, 1)
        self.assertTrue(result.ok())
        self.assertEqual(result.passed, 3)
        self.assertEqual([b.release for b in result.boots], ["7.3.4-luod", "7.3.4-luod-next"])
        self.assertEqual(result.elapsed, [("jump", "agent", 20000000000, 2400000)])

    def test_failures(self):
        for text, jumps in ((self.GOOD, 0), (self.GOOD, 2), (self.GOOD.replace("@ done\n", ""), 1),
                            (self.GOOD + "not ok - late\n", 1), ("", 0)):
            with self.subTest(text=text, jumps=jumps):
                self.assertFalse(self.judged(text, jumps).ok())
        self.assertFalse(self.judged(self.GOOD, 1, "ends within 10 s").ok())

    def test_nothing_asserted_is_a_failure(self):
        text = "@ boot 1 x 1.0\nok - boot 1 runs the expected kernel\n@ done\n"
        result = self.judged(text, 0)
        self.assertIn("not ok - the case asserts something", result.lines)

    def test_skip(self):
        result = self.judged("@ boot 1 x 1.0\n1..0 # SKIP no device\n@ done\n", 1)
        self.assertEqual(result.skipped, "no device")
        self.assertTrue(result.ok())

    def test_kernel_noise_is_no_result(self):
        result = tap.parse("okay then\nnot okay\n[ 1.0] panic\n")
        self.assertEqual((result.passed, result.failed), (0, 0))
        self.assertTrue(all(line.startswith("#") for line in result.lines))

    def test_numbers_go_on(self):
        lines, following = tap.numbered(["ok - a", "# r", "not ok - b"], 5)
        self.assertEqual(lines, ["ok 5 - a", "# r", "not ok 6 - b"])
        self.assertEqual(following, 7)


class Kernel(Folder):
    def test_config(self):
        asked = "CONFIG_A=y\nCONFIG_B=n\nCONFIG_N=8\n# CONFIG_X=y\nCONFIG_N=64\n"
        self.assertEqual(kernel.check_config(asked, "CONFIG_A=y\nCONFIG_N=64\n"), [])
        self.assertEqual(kernel.check_config(asked, "CONFIG_B=y\nCONFIG_N=8\n"),
                         ["CONFIG_A=y (is n)", "CONFIG_B=n (is y)", "CONFIG_N=64 (is 8)"])

    def test_versions(self):
        self.assertEqual(kernel.upstream("7.3.4-1~bpo13+1"), "7.3.4")
        have = ["7.4.1-1", "7.3.6-1", "7.3.5-1", "7.2.9-1"]
        self.assertEqual(kernel.newest(have, "7.3"), "7.3.6-1")
        self.assertIsNone(kernel.newest(have, "7.5"))

    def test_touched(self):
        patch = self.write("p", "--- a/mm/x.c\n+++ b/mm/x.c\n@@ -1 +1 @@\n--- /dev/null\n"
                                "+++ b/mm/new.c\n")
        self.assertEqual(kernel.touched([patch]), ["mm/new.c", "mm/x.c"])

    def test_sync_keeps_time_stamps_of_what_is_the_same(self):
        stock, wanted = self.path / "stock", self.path / "wanted"
        for tree in stock, wanted:
            tree.mkdir()
            (tree / "same.c").write_text("same")
            (tree / "other.c").write_text("stock")
            (tree / "gone.c").write_text("old")
        (wanted / "other.c").write_text("patched")
        (wanted / "new.c").write_text("new")
        (wanted / "gone.c").unlink()
        patch = self.write("p", "".join(f"--- a/{n}\n+++ b/{n}\n"
                                        for n in ("other.c", "new.c", "gone.c")))
        src = self.path / "src"
        kernel.sync_source(src, stock, stock, [])
        before = (src / "same.c").stat().st_mtime_ns
        kernel.sync_source(src, stock, wanted, [patch])
        self.assertEqual((src / "other.c").read_text(), "patched")
        self.assertEqual((stock / "other.c").read_text(), "stock", "a hard link was written to")
        self.assertTrue((src / "new.c").exists())
        self.assertFalse((src / "gone.c").exists())
        kernel.sync_source(src, stock, stock, [])
        self.assertEqual((src / "other.c").read_text(), "stock")
        self.assertEqual((src / "gone.c").read_text(), "old")
        self.assertFalse((src / "new.c").exists())
        self.assertEqual((src / "same.c").stat().st_mtime_ns, before)


class Proof(Folder):
    """A trace in which the device writes every 10 ms, except where a test says."""
    NIC = proof.Subject(("00:05.0",), "e1000e_rx_desc_buff_write", ("e1000e_cb_qdev_reset_hold",),
                        ("failed",))
    SETUP = ["vtd_reg_write_gcmd status 0x6000000 value 0x86000000",
             "pci_cfg_write e1000e 00:05.0 @0x4 <- 0x107", "e1000e_cb_qdev_reset_hold",
             "pci_pm_transition e1000e 00:05.0 PM transition D3->D0"]
    BAD = ["vtd_dmar_fault sid 0x28", "vtd_reg_write_gcmd status 0x0 value 0x6000000",
           "pci_cfg_write e1000e 00:05.0 @0x4 <- 0x103", "e1000e_cb_qdev_reset_hold", "failed",
           "pci_pm_transition e1000e 00:05.0 PM transition D0->D3"]
    NAMES = ["setup", "before", "jump", "parked", "switch", "after", "end"]

    def judged(self, want, events=(), silent=(0, 0), boots=(30.5,), stalls=(), setup=None):
        lines = [(10.0 * i, "pci_cfg_write mch 00:00.0 @0xdc <- 0x1")
                 for i in range(len(self.NAMES))]
        lines += [(w / 100, "e1000e_rx_desc_buff_write buffer #0") for w in range(1000, 6000)
                  if not silent[0] <= w / 100 < silent[1]]
        lines += [(5.0, event) for event in (self.SETUP if setup is None else setup)]
        text = "".join(f"7@{when:.6f}:{event}\n" for when, event in sorted([*lines, *events]))
        record = proof.read(self.write("trace", text), self.NAMES, list(boots), self.NIC,
                            stalls)
        return proof.judge(record, want)

    def failures(self, *args, **kw):
        return [line for line in self.judged(*args, **kw) if line.startswith("not ok")]

    def paused(self, before, after, late=0):
        """Failures when it pauses for so long, before the jump and after it, having
        begun that late."""
        silent = [(10, 10 + late), (12, 12 + before), (31, 31 + after)]
        writes = [w / 100 for w in range(1000, 6000)]
        record = proof.Record(self.NIC, traced=proof.Counter(x=1), writes=[
            w for w in writes if not any(a <= w < b for a, b in silent)])
        record.phases = [(name, 10.0 * i) for i, name in enumerate(self.NAMES)]
        return [line for line in proof.judge(record, "running") if line.startswith("not ok")]

    def test_short_phase(self):
        """In less time than there is between two writes none need be, be it that the host stood still."""
        stood = [(30.002, 30.049)]
        for length, stalls, good in ((0.005, [], True), (0.05, [], False), (0.05, stood, True)):
            writes = [w / 100 for w in range(1000, 6000) if not 3000 < w <= 3000 + length * 100]
            record = proof.Record(self.NIC, traced=proof.Counter(x=1), writes=writes)
            record.phases = [(name, 10.0 * i) for i, name in enumerate(self.NAMES)]
            record.phases[3:5] = [("parked", 30.001), ("switch", 30.001 + length)]
            record.stalls = stalls
            failed = [line for line in proof.judge(record, "running")
                      if line.startswith("not ok - parked")]
            self.assertEqual(not failed, good, failed)

    def test_running(self):
        lines = self.judged("running", boots=(0.5, 20.5))
        self.assertEqual([line for line in lines if line.startswith("not ok")], [])
        self.assertTrue(any("early boot: 9.500 s, 950 writes" in line for line in lines), lines)

    def test_pauses(self):
        self.assertEqual(len(self.failures("running", silent=(31, 32.1))), 1)
        self.assertEqual(len(self.failures("running", silent=(31, 31.6))), 1)
        self.assertEqual(self.failures("running", silent=(31, 31.4)), [])
        # One that there was before the jump excuses another, but not of any length.
        self.assertEqual(self.paused(before=0.3, after=0.8), [])
        self.assertEqual(len(self.paused(before=0.05, after=0.8)), 1)
        self.assertEqual(len(self.paused(before=5, after=1.1)), 1)
        self.assertEqual(len(self.paused(before=0.05, after=0.8, late=1)), 1)
        self.assertEqual(len(self.failures("running", silent=(30, 40))), 2)
        self.assertEqual(len(self.failures("running", silent=(58, 60))), 1)  # and never again
        self.assertEqual(self.failures("running", silent=(31, 32), stalls=[(30.9, 31.8)]), [])
        record = proof.Record(self.NIC, [("before", 0), ("end", 10)], stalls=[(2, 4), (1, 3)])
        self.assertEqual(record.pause(0, 10), 7)
        self.assertAlmostEqual(record.stood_still(), 0.3)

    def test_what_must_not_happen(self):
        for event in self.BAD:
            with self.subTest(event=event):
                self.assertEqual(len(self.failures("running", [(25.0, event)])), 1)
                self.assertEqual(self.failures("running", [(5.0, event), (65.0, event)]), [])
        self.assertEqual(self.failures(
            "running", [(25.0, "pci_cfg_write nvme 00:08.0 @0x4 <- 0x103"),
                        (25.0, "pci_pm_transition nvme 00:08.0 PM transition D0->D3")]), [])

    def test_what_is_not_traced_proves_nothing(self):
        for missing in self.SETUP:
            with self.subTest(missing=missing):
                setup = [event for event in self.SETUP if event != missing]
                self.assertEqual(len(self.failures("running", setup=setup)), 1)
                # Too late: then it could be what must not happen
                late = [(45.0, missing)] if re.search("gcmd|cfg_write", missing) else []
                self.assertEqual(len(self.failures("running", late, setup=setup)), 1)

    def test_seen(self):
        events = [(35.0, event) for event in self.BAD]
        self.assertEqual(self.failures("seen", events), [])
        self.assertGreaterEqual(len(self.failures("seen")), len(self.BAD))
        for missing in range(len(events)):
            with self.subTest(missing=self.BAD[missing]):
                self.assertTrue(self.failures("seen", events[:missing] + events[missing + 1:]))
                self.assertTrue(self.failures("seen", [*events, (15.0, self.BAD[missing])]))
        self.NIC = dataclasses.replace(self.NIC, watched=("00:05.0", "00:06.0"))
        self.SETUP = [*self.SETUP, "pci_cfg_write port 00:06.0 @0x4 <- 0x107"]
        self.assertEqual(len(self.failures("seen", events)), 1)

    def test_stopped(self):
        off = (25.0, "pci_cfg_write e1000e 00:05.0 @0x4 <- 0x103")
        untranslated = "vtd_reg_write_gcmd status 0xc0000000 value 0x0"
        self.assertEqual(self.failures("stopped", [off, (25.1, untranslated)], (25, 60)), [])
        self.assertEqual(len(self.failures("stopped", [off], (26, 60))), 1)
        self.assertEqual(len(self.failures("stopped", [off, (24.9, untranslated)], (25, 60))), 1)
        self.assertEqual(len(self.failures("stopped")), 1)
        # It had nothing to do any more: that it is silent then says nothing.
        self.assertEqual(len(self.failures("stopped", [off], (22, 60))), 1)
        self.assertEqual(self.failures("stopped", [off], (22, 60), stalls=[(22.2, 25)]), [])

    def test_rebooted(self):
        off = (60.1, "pci_cfg_write e1000e 00:05.0 @0x4 <- 0x103")
        untranslated = "vtd_reg_write_gcmd status 0xc0000000 value 0x0"
        self.assertEqual(self.failures("rebooted", [off, (60.2, untranslated)]), [])
        self.assertEqual(len(self.failures("rebooted", [off])), 1)
        self.assertEqual(len(self.failures("rebooted", [off, (60.05, untranslated)])), 1)
        self.assertEqual(len(self.failures("rebooted", [(60.2, untranslated)])), 1)
        self.assertEqual(len(self.failures("rebooted", [
            off, (60.2, untranslated), (25.0, "vtd_dmar_fault sid 0x28")])), 1)
        late = (60.5, "e1000e_rx_desc_buff_write buffer #0")
        self.assertEqual(len(self.failures("rebooted", [off, (60.2, untranslated), late])), 1)

    def test_phase_without_its_mark(self):
        path = self.write("trace", "7@1.0:pci_cfg_write mch 00:00.0 @0xdc <- 0x1\n")
        record = proof.read(path, self.NAMES, [], self.NIC)
        self.assertEqual(proof.judge(record, "running"), ["not ok - the trace has all phases"])


class Bench(Folder):
    def around(self, **more):
        case = {"device": "nvme", "frames": 0, "proof": "", "qemu": "", "kernels": ["project"],
                "second": ""} | more
        return bench.Bench(types.SimpleNamespace(**case), self.path)

    def judged(self, console="", emulator=""):
        self.write("serial.log", console)
        self.write("qemu.log", emulator)
        return self.around().judge([])

    def test_a_slow_wire_is_no_stall(self):
        """Frames at the pace of any case are twice as early as what the host is blamed for."""
        for rate in bench.RATE, *bench.RATES.values(), bench.SLOW_RATE, bench.SLOWER_RATE:
            self.assertGreaterEqual(bench.patience(rate), 2 / rate)
        self.assertEqual(bench.patience(bench.RATE), bench.STALL_SECONDS)

    def test_complaints(self):
        self.assertEqual(self.judged("[ 1.0] all is well\n", "qemu -trace pci_cfg_write\n"), [])
        self.assertEqual(len(self.judged("[ 1.0] WARNING: at mm/x.c\n")), 1)
        self.assertEqual(len(self.judged(emulator="qemu: -trace x: warning: trace event 'x' "
                                                  "does not exist\n")), 1)

    def test_leaks_that_the_guest_judges(self):
        self.write("qemu.log", "")
        self.write("serial.log", "[ 9.0] kmemleak: 1 new suspected memory leaks\n[ 9.1] BUG: x\n")
        self.assertEqual(len(self.around().judge([])), 2)
        said = ["ok - the kernel has lost no memory that it does not lose anyway"]
        self.assertEqual(len(self.around().judge(said)), 1)

    def test_a_slow_kernel_gets_fewer_frames(self):
        def rate(*kernels, **more):
            (wire,) = self.around(device="e1000e", kernels=kernels, **more).wires
            wire.stop()
            return wire.rate
        self.assertLess(rate("debug", "debug"), rate("project", "next"))
        self.assertEqual(rate("project", "next", frames=9), 9)

    def test_no_frame_is_lost_when_nobody_takes_any(self):
        (wire,) = self.around(device="e1000e").wires
        wire.rate = 2000
        wire.start()
        time.sleep(0.3)
        numbers = [int.from_bytes(wire.near.recv(200)[14:18], "big") for _ in range(300)]
        wire.stop()
        self.assertEqual(numbers, list(range(300)))

    def test_a_run_of_a_host_that_stands_still_is_spoilt(self):
        self.write("serial.log", "")
        self.write("qemu.log", "")
        self.write("trace", "".join(f"7@{10.0 * i}:pci_cfg_write mch 00:00.0 @0xdc <- 0x1\n"
                                    for i in range(2)))
        around = self.around(proof="running")
        said = ["@ phase before", "@ phase end"]
        around.beat.stalls = [(1.0, 5.0)]
        self.assertTrue(around.judge(said))
        around.beat.stalls.append((5.0, 7.0))
        with self.assertRaises(base.Spoilt):
            around.judge(said)

    def test_a_fault_of_the_emulator_s_own_is_told_from_others(self):
        log = self.path / "qemu.log"
        log.write_text("qemu: x.c:1: vtd_reset: Assertion `s' failed.\n")
        qemu.blame(log)
        log.write_text("qemu: x.c:1: iotlb_to_section: Assertion `i < n' failed.\n")
        with self.assertRaises(base.Spoilt):
            qemu.blame(log)

    def test_an_attempt_that_said_nothing_leaves_nothing(self):
        def attempt(_lab, _case, _guest, folder, _result):
            mark = folder / "share/state/boots"
            self.assertFalse(mark.exists())
            mark.touch()
            raise base.Spoilt("again")
        folder = self.path / "run"
        runner.empty(folder)
        with unittest.mock.patch.object(runner, "_run", side_effect=attempt) as run:
            result = runner.run_case(None, types.SimpleNamespace(program=None, jumps=1), "trixie",
                                     folder)
        self.assertEqual(run.call_count, runner.ATTEMPTS)
        self.assertFalse(result.ok())

    def test_igb_resets_are_not_taken_for_e1000e_s(self):
        alone, beside = (bench.subject_of(bench.DEVICES["e1000e"], qemu).resets
                         for qemu in ("", "-device igb,netdev=native"))
        self.assertIn(bench.E1000E_REGISTER_RESET, alone)
        self.assertNotIn(bench.E1000E_REGISTER_RESET, beside)
        self.assertEqual(len(beside), len(alone) - 1)

    def test_two_devices_are_told_apart_by_what_they_reach(self):
        """One goes on; the other, of the same kind, is stopped by the jump."""
        setup = [(5.0, event) for event in Proof.SETUP]
        setup += [(5.0, event.replace("05.0", "06.0")) for event in Proof.SETUP[1:]]
        marks = [(10.0 * i, "pci_cfg_write mch 00:00.0 @0xdc <- 0x1") for i in range(7)]
        first, second = ([(10 + i / 100, f"e1000e_rx_desc_buff_write buffer #0, addr: {addr}")
                          for i in range(n)] for addr, n in (("0x1080", 5000), ("0x2080", 1400)))
        off = (24.1, "pci_cfg_write e1000e 00:06.0 @0x4 <- 0x103")
        said = [f"@ phase {name}" for name in Proof.NAMES]
        known = ["@ reaches 0000:00:05.0 0x1000 0x2000", "@ reaches 0000:00:06.0 0x2000 0x3000"]

        def failures(events, said, **more):
            self.write("serial.log", "")
            self.write("qemu.log", "")
            self.write("trace", "".join(f"7@{when:.6f}:{event}\n" for when, event in sorted(events)))
            around = self.around(device="e1000e", proof="running", second="stopped", **more)
            for wire in around.wires:
                wire.stop()
            return [line for line in around.judge(said) if line.startswith("not ok")]

        good = [*setup, *marks, *first, *second, off]
        self.assertEqual(failures(good, said + known), [])
        self.assertEqual(len(failures(good, said + known[:1])), 1)
        late = (45.0, "e1000e_rx_desc_buff_write buffer #0, addr: 0x2080")
        self.assertEqual(len(failures([*good, late], said + known)), 1)
        for sid, count in ("0x28", 1), ("0x30", 0):
            fault = (45.0, f"vtd_dmar_fault sid {sid} fault 5 addr 0x1080 write 1")
            self.assertEqual(len(failures([*good, fault], said + known)), count)
        # What the one writes does not hide a pause of the other.
        paused = [event for event in good if event not in first or not 31 < event[0] < 33]
        paused += [(event[0], event[1].replace("0x1080", "0x2080")) for event in first
                   if 22 < event[0] < 24]
        self.assertEqual(len(failures(paused, said + known)), 1)


class Paths(Folder):
    def test_what_is_promised(self):
        with unittest.mock.patch("sys.stdout", io.StringIO()) as out, \
                unittest.mock.patch.object(cli.qemu, "find"):
            cli.cmd_paths(cache.Cache(self.path), types.SimpleNamespace(build=False))
        keys = {line.partition("=")[0] for line in out.getvalue().splitlines()}
        self.assertEqual(keys, {"KERNEL", "KERNEL_NEXT", "KERNEL_STOCK", "ROOTFS_TRIXIE",
                                "ROOTFS_FORKY", "HEADERS", "SOURCE", "QEMU", "QEMU_ARGS", "CACHE"})


class Small(unittest.TestCase):
    def test_package_table(self):
        table = packages.parse("# t\n[build]\ngcc\npkgconf | pkg-config\n[lab]\npython3\n")
        self.assertEqual(table, {"build": [["gcc"], ["pkgconf", "pkg-config"]],
                                 "lab": [["python3"]]})
        with self.assertRaisesRegex(base.LabError, "before any"):
            packages.parse("gcc\n")
        packages.parse(packages.TABLE.read_text())

    def test_boots_are_nested(self):
        one = initramfs.boots(b"PROGRAM", [b"SECOND", b"THIRD"], {"stock": b"STOCK"})
        self.assertEqual(one.count(b"PROGRAM"), 3)
        self.assertEqual([one.count(b"SECOND"), one.count(b"THIRD"), one.count(b"STOCK")],
                         [1, 1, 1])
        self.assertEqual(initramfs.boots(b"PROGRAM", [], {"stock": b"STOCK"}).count(b"STOCK"), 1)

    def test_release_of_an_image(self):
        image = bytearray(0x400)
        image[0x202:0x206], image[0x20e:0x210] = b"HdrS", (0x50).to_bytes(2, "little")
        image[0x250:0x270] = b"7.3.4-luod (lab@luod) #1 SMP\0".ljust(0x20, b"x")
        self.assertEqual(kernel.image_release(bytes(image)), "7.3.4-luod")
        with self.assertRaises(base.LabError):
            kernel.image_release(bytes(0x400))

    def test_cpio_is_aligned(self):
        data = initramfs.cpio({"d": initramfs.folder(), "d/f": initramfs.file(b"abc", True)})
        self.assertEqual(len(data) % 512, 0)
        self.assertTrue(data.startswith(b"070701"))
        self.assertIn(b"TRAILER!!!\0", data)


if __name__ == "__main__":
    unittest.main()
