# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user types.  Each verb is a function with its arguments beside it."""

import argparse
import dataclasses
import shutil
import signal
import sys

from . import case as cases
from . import debian, floor, kernel, kerneldeb, machine, packages, qemu, rootfs, runner
from .base import LabError
from .cache import Cache

VERBS = {}


def verb(name, *arguments):
    """Register a verb; its first docstring line is its help."""
    def register(function):
        VERBS[name] = (function, arguments)
        return function
    return register


def arg(*names, **options):
    return names, options


PARTS = {
    "qemu": qemu.find,
    "headers": kernel.headers,
    "source": kernel.project_source,
    "kernel-debian": debian.image,
    **{f"kernel-debian-{s}": lambda cache, s=s: debian.judged(cache, s) for s in debian.JUDGED},
    "kernel-deb": kerneldeb.package,
    "kernel-deb-small": kerneldeb.image,
    **{f"kernel-{name}": lambda cache, n=name: kernel.image(cache, n) for name in kernel.FLAVOURS},
    **{name: lambda cache, n=name: rootfs.base(cache, n) for name in rootfs.GUESTS},
}
USUAL = ["qemu", "headers", "trixie", "forky", "kernel-stock", "kernel-project", "kernel-next"]


@verb("build", arg("part", nargs="*", help=f"of {', '.join(PARTS)} (default: {', '.join(USUAL)})"),
      arg("--path", action="store_true", help="say on stdout where each is"))
def cmd_build(cache, args):
    """make kernels, guests and emulator, as far as they are missing"""
    for part in args.part:
        if part not in PARTS:
            raise LabError(f"no part '{part}' (known: {' '.join(PARTS)})")
    for part in args.part or USUAL:
        made = PARTS[part](cache)
        if args.path:
            print(made)


@verb("run",
      arg("case", nargs="*", help="names or numbers of cases; N=50: so many updates in a row, for "
          "cases that allow any number"),
      arg("--tier", type=int, choices=(1, 2), help="all cases up to this tier"),
      arg("--all", action="store_true", help="all cases"),
      arg("--jobs", type=int, help="machines at a time (default: LAB_JOBS, or half the cores)"),
      arg("--guest", action="append", choices=list(rootfs.GUESTS), help="only in this guest"),
      arg("--kernel", help="boot this flavour instead of the case's own"),
      arg("--tap", action="store_true", help="nothing but TAP: the sums become a remark"))
def cmd_run(cache, args):
    """run cases; TAP on stdout, exit status 1 when something failed"""
    known = cases.load_all()
    settings = [word for word in args.case if word.startswith("N=")]
    named = cases.select(known, [word for word in args.case if word not in settings])
    known = [c for c in known if c not in named] + (named := cases.with_settings(named, settings))
    tier = 2 if args.all else args.tier or 0
    if not named and not tier:
        raise LabError("which case? Names, --tier N or --all; 'lab list' shows them")
    every = [(c, g) for c in known for g in c.guests if not args.guest or g in args.guest]
    runs = [(c, g) for c, g in every
            if c in named or c.in_tier(tier, g) and not c.missing()]
    left_out = [f"{c.name}-{g}" + (f" (no {c.missing()})" if c.missing() else "")
                for c, g in every if (c, g) not in runs]
    if not runs:
        raise LabError("none of these cases runs in that guest")
    if args.kernel:
        if args.kernel not in cases.KERNELS:
            raise LabError(f"no kernel '{args.kernel}' (known: {' '.join(cases.KERNELS)})")
        runs = [(dataclasses.replace(c, kernels=(args.kernel, *c.kernels[1:])), g)
                for c, g in runs]
    floor.probe_kvm(cache)
    return runner.run_all(cache, runs, args.jobs or runner.default_jobs(),
                          left_out if tier else (), args.tap)


@verb("list")
def cmd_list(_cache, _args):
    """name, tier, guests and title of every case; what its kernel lacks"""
    for one in cases.load_all():
        lacks = f" [the kernel has no {one.missing()}]" if one.missing() else ""
        print(f"{one.name:26} {one.tier}  {','.join(one.guests):13} {one.title}{lacks}")


@verb("shell", arg("guest", nargs="?", default="forky", choices=list(rootfs.GUESTS)),
      arg("--kernel", default="project", choices=cases.KERNELS, help="flavour to boot"))
def cmd_shell(cache, args):
    """boot a guest and log in as root on this terminal"""
    floor.probe_kvm(cache)
    return runner.shell(cache, args.guest, args.kernel)


@verb("paths", arg("--build", action="store_true", help="make first what is missing"))
def cmd_paths(cache, args):
    """KEY=VALUE lines: where kernels, guests, source and emulator are or will be"""
    if args.build:
        cmd_build(cache, argparse.Namespace(part=[], path=False))
        kernel.project_source(cache)
    for key, flavour in ("KERNEL", "project"), ("KERNEL_NEXT", "next"), ("KERNEL_STOCK", "stock"):
        print(f"{key}={kernel.path(cache, flavour)}")
    for guest in rootfs.GUESTS:
        print(f"ROOTFS_{guest.upper()}={rootfs.base_path(cache, guest)}")
    print(f"HEADERS={kernel.headers_path(cache)}")
    print(f"SOURCE={kernel.source_path(cache)}")
    print(f"QEMU={qemu.find(cache, build=False).path}")
    print(f"QEMU_ARGS={' '.join(machine.base_args())}")
    print(f"CACHE={cache.root}")


@verb("floor", arg("--kernel", default="project", choices=list(kernel.FLAVOURS)),
      arg("--next", default="next", choices=list(kernel.FLAVOURS)),
      arg("--runs", type=int, default=1, help="take the best of so many"),
      arg("--initrd", metavar="FILE", help="only write the initramfs it boots from"))
def cmd_floor(cache, args):
    """the smallest possible live update, measured: KEY=VALUE lines"""
    if args.initrd:
        shutil.copyfile(floor.initrd(cache, args.next), args.initrd)
        return
    floor.probe_kvm(cache)
    for key, value in floor.measure(cache, args.kernel, args.next, args.runs).items():
        print(f"{key}={value}")


@verb("setup", arg("purpose", nargs="*", help="build, lint, kernel, lab (default: all)"))
def cmd_setup(_cache, args):
    """install the packages of the build host that are missing"""
    packages.setup(args.purpose)


@verb("headers")
def cmd_headers(cache, _args):
    """print the directory of the project kernel's user-space headers"""
    print(kernel.headers(cache))


@verb("clean")
def cmd_clean(cache, _args):
    """remove the cache: kernels, guests, emulator"""
    cache.clean()


def parser():
    top = argparse.ArgumentParser(prog="lab", description="Real live updates in emulated machines.")
    sub = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (function, arguments) in VERBS.items():
        text = function.__doc__.splitlines()[0]
        one = sub.add_parser(name, help=text, description=text)
        for names, options in arguments:
            one.add_argument(*names, **options)
        one.set_defaults(function=function)
    return top


def main(argv):
    args = parser().parse_args(argv)
    # Asked to end is asked to clean up, by whichever signal.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return args.function(Cache(), args) or 0
    except LabError as err:
        print(f"lab: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
