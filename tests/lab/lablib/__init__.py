# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: real live updates in emulated machines.

One module per concern, dependencies pointing one way:

	cli -> runner -> bench, machine -> rootfs, kernel, qemu -> apt -> cache -> base

``base`` knows where things are and how commands are run, ``cache`` owns what
is kept between runs, ``apt`` is the only one that talks to a package archive,
``case``, ``tap`` and ``proof`` are pure: they read, and judge what was read.
"""
