# SPDX-License-Identifier: GPL-2.0-or-later
"""PCI devices that do not exist, for a luod of a test: a sysfs in a folder, laid out as the kernel's as
far as luod looks, and udev's events, which umockdev plays. tests/unit/fake-host.c is the same for C.

luod runs with umockdev's library in front of all others (environment()), so that libudev finds the
folder in place of /sys; and with --root, so that luod itself does. Nothing makes an event by itself.
"""
import ctypes
import os
import shutil

BUS = "sys/devices/pci0000:00"


class FakeHost:
    def __init__(self):
        self.library = library = ctypes.CDLL("libumockdev.so.0")
        library.umockdev_testbed_new.restype = ctypes.c_void_p
        library.umockdev_testbed_get_root_dir.restype = ctypes.c_char_p
        library.umockdev_testbed_get_root_dir.argtypes = [ctypes.c_void_p]
        library.umockdev_testbed_uevent.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
        self.bed = ctypes.c_void_p(library.umockdev_testbed_new())
        self.root = library.umockdev_testbed_get_root_dir(self.bed).decode()
        os.makedirs(os.path.join(self.root, "sys/class/vfio-dev"))
        os.makedirs(os.path.join(self.root, "sys/bus/pci/devices"))
        self.link("sys/fs/cgroup", "/sys/fs/cgroup")  # by which a caller's unit is known

    def close(self):
        shutil.rmtree(self.root)

    def environment(self):
        """ASan wants to be the first library of all; it is content with being told not to look."""
        return {"UMOCKDEV_DIR": self.root, "LD_PRELOAD": "libumockdev-preload.so.0",
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def put(self, path, text):
        path = self.path(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"{text}\n")

    def link(self, path, target):
        path = self.path(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(target, path)

    def set(self, address, **attributes):
        for name, value in attributes.items():
            self.put(f"{BUS}/{address}/{name}", value)

    def have_functions(self, address, number):
        for i in range(number):
            self.link(f"{BUS}/{address}/virtfn{i}", f"../0000:7f:00.{i}")

    def add(self, address, group=None, driver="vfio-pci", node=0, **attributes):
        """A network controller in a group of its own, bound to vfio-pci."""
        group = int(address[-4:-2], 16) if group is None else group
        self.set(address, **{"vendor": "0x8086", "device": "0x10d3", "class": "0x020000",
                             "numa_node": "-1", "power_state": "D0",
                             "uevent": f"PCI_SLOT_NAME={address}", **attributes})
        self.link(f"{BUS}/{address}/subsystem", "../../../bus/pci")
        self.link(f"sys/bus/pci/devices/{address}", f"../../../devices/pci0000:00/{address}")
        self.link(f"{BUS}/{address}/iommu_group", f"../../../kernel/iommu_groups/{group}")
        self.link(f"{BUS}/{address}/iommu", "../../virtual/iommu/dmar0")
        self.link(f"sys/kernel/iommu_groups/{group}/devices/{address}",
                  f"../../../../devices/pci0000:00/{address}")
        if driver:
            self.bind(address, driver, node)

    def bind(self, address, driver="vfio-pci", node=0, number="511:0"):
        self.link(f"{BUS}/{address}/driver", f"../../../bus/pci/drivers/{driver}")
        device = f"{BUS}/{address}/vfio-dev/vfio{node}"
        self.put(f"{device}/dev", number)
        self.put(f"{device}/uevent", f"DEVNAME=vfio/devices/vfio{node}")
        self.link(f"{device}/subsystem", "../../../../../class/vfio-dev")

    def unbind(self, address):
        os.unlink(self.path(BUS, address, "driver"))
        shutil.rmtree(self.path(BUS, address, "vfio-dev"))

    def remove(self, address):
        group = os.path.basename(os.readlink(self.path(BUS, address, "iommu_group")))
        os.unlink(self.path("sys/kernel/iommu_groups", group, "devices", address))
        os.unlink(self.path("sys/bus/pci/devices", address))
        shutil.rmtree(self.path(BUS, address))

    def event(self, address, action):
        self.library.umockdev_testbed_uevent(self.bed, f"/{BUS}/{address}".encode(), action.encode())
