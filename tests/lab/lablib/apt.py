# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages of other suites, without touching the machine's own apt.

A private configuration (own lists, own archives, own sources) is derived from
the machine's: the archive the machine already uses for its own release also
has the suites the lab needs, so no host name is written down anywhere here.
The machine's apt.conf stays in force (proxies, certificates); its hooks do not.
"""

import os
import re
from pathlib import Path

from .base import LabError, run, say, works

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
ALIASES = {"stable", "oldstable", "testing", "unstable", "sid"}


def host_codename(os_release=Path("/etc/os-release")):
    for line in os_release.read_text().splitlines():
        key, _, value = line.partition("=")
        if key == "VERSION_CODENAME":
            return value.strip('"')
    return "sid"


def parse_one_line(text):
    """Entries (types, uris, suites, components, options) of a sources.list."""
    entries = []
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        match = re.fullmatch(r"(deb|deb-src)\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)", line)
        if match:
            kind, options, uri, suite, components = match.groups()
            options = dict(o.split("=", 1) for o in (options or "").split() if "=" in o)
            entries.append(({kind}, [uri], [suite], components.split(),
                            {k.lower(): v for k, v in options.items()}))
    return entries


def parse_deb822(text):
    """The same entries of a *.sources file."""
    entries = []
    for stanza in re.split(r"\n\s*\n", text):
        fields, last = {}, None
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and last:
                fields[last] += " " + line.strip()
            elif ":" in line:
                last, _, value = line.partition(":")
                last = last.strip().lower()
                fields[last] = value.strip()
        if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        if "uris" in fields:
            entries.append((set(fields.get("types", "").split()), fields["uris"].split(),
                            fields.get("suites", "").split(),
                            fields.get("components", "").split(), fields))
    return entries


def machine_sources(etc=Path("/etc/apt")):
    entries = []
    files = [etc / "sources.list"] + sorted((etc / "sources.list.d").glob("*"))
    for path in files:
        if path.suffix == ".list" and path.is_file():
            entries += parse_one_line(path.read_text())
        elif path.suffix == ".sources" and path.is_file():
            entries += parse_deb822(path.read_text())
    return entries


def archive(entries, codename):
    """(uri, keyring) of the Debian archive among the machine's sources: the one
    that serves the machine's own release, component main."""
    wanted = ALIASES | {codename}
    for types, uris, suites, components, options in entries:
        if "deb" in types and "main" in components and wanted & set(suites):
            signed = options.get("signed-by", "")
            return uris[0], signed if signed.startswith("/") else KEYRING
    raise LabError(f"no Debian archive for '{codename}' in /etc/apt: set LAB_ARCHIVE=<URI>")


class Apt:
    """A private apt with the given suites, its state in a workspace of the cache."""

    def __init__(self, cache, suites):
        self.cache = cache
        self.suites = list(suites)
        self.dir = cache.root / "apt" / "+".join(self.suites)
        if os.environ.get("LAB_ARCHIVE"):
            self.uri, self.keyring = os.environ["LAB_ARCHIVE"], KEYRING
        else:
            self.uri, self.keyring = archive(machine_sources(), host_codename())

    def sources(self):
        """sources.list lines.  Release files of moving suites expire between two
        pulses of a slow mirror; nothing here is a security boundary."""
        return [f"deb [signed-by={self.keyring} check-valid-until=no] {self.uri} {s} main"
                for s in self.suites]

    def _write_conf(self, status):
        for sub in "lists/partial", "archives/partial":
            (self.dir / sub).mkdir(parents=True, exist_ok=True)
        (self.dir / "sources.list").write_text("\n".join(self.sources()) + "\n")
        (self.dir / "status").touch()
        conf = f"""
            #clear APT::Update::Post-Invoke;
            #clear APT::Update::Post-Invoke-Success;
            #clear DPkg::Pre-Install-Pkgs;
            #clear DPkg::Post-Invoke;
            Dir::State "{self.dir}";
            Dir::State::lists "{self.dir}/lists";
            Dir::State::status "{status}";
            Dir::Cache "{self.dir}";
            Dir::Cache::archives "{self.dir}/archives";
            Dir::Etc::sourcelist "{self.dir}/sources.list";
            Dir::Etc::sourceparts "-";
            Dir::Etc::preferencesparts "-";
            Dir::Etc::preferences "-";
            Acquire::Check-Valid-Until "false";
            Acquire::Languages "none";
            Acquire::Retries "3";
            APT::Sandbox::User "";
            APT::Get::Assume-Yes "true";
            """
        path = self.dir / "apt.conf"
        path.write_text("\n".join(line.strip() for line in conf.splitlines()))
        return path

    def run(self, *args, status=None):
        """An apt tool under the private configuration.  The package state is
        empty unless status says otherwise."""
        conf = self._write_conf(status or self.dir / "status")
        return run([args[0], "-c", conf, *args[1:]], cwd=self.dir / "archives")

    def update(self):
        say(f"fetching package lists of {', '.join(self.suites)}")
        self.run("apt-get", "update", "-qq")

    def ensure_lists(self):
        """Fetch the lists once; later only when something turns out to be gone."""
        have = list((self.dir / "lists").glob("*_Packages*")) if self.dir.is_dir() else []
        if len(have) < len(self.suites):
            self.update()

    def versions(self, package):
        """Versions on offer, newest first."""
        out = self.run("apt-cache", "madison", package)
        return [line.split("|")[1].strip() for line in out.splitlines() if line.count("|") == 2]

    def download(self, package, version, directory):
        """One package file into directory, fetching lists again when it moved."""
        self.ensure_lists()
        spec = f"{package}={version}"
        try:
            self.run("apt-get", "download", "-qq", spec)
        except LabError:
            self.update()
            self.run("apt-get", "download", "-qq", spec)
        name = f"{package}_{version.replace(':', '%3a')}_"
        found = [p for p in (self.dir / "archives").glob("*.deb") if p.name.startswith(name)]
        if not found:
            raise LabError(f"{spec} was not delivered")
        target = directory / found[0].name
        found[0].rename(target)
        return target

    def download_closure(self, packages, suite, directory):
        """Packages and what they need beyond what this machine has installed."""
        self.ensure_lists()
        args = ["apt-get", "install", "-qq", "--no-install-recommends", "--download-only",
                "-o", "Debug::NoLocking=1", "-o", f"Dir::Cache::archives={directory}",
                "-t", suite, *packages]
        (directory / "partial").mkdir(parents=True, exist_ok=True)
        try:
            self.run(*args, status="/var/lib/dpkg/status")
        except LabError:
            self.update()
            self.run(*args, status="/var/lib/dpkg/status")
        return sorted(directory.glob("*.deb"))


def unpack(deb, directory, exclude=""):
    """Content of a package file below directory, owned by whoever unpacks, but for
    names of the pattern."""
    directory.mkdir(parents=True, exist_ok=True)
    if not exclude:
        run(["dpkg-deb", "-x", deb, directory])
        return
    # An end of the pipe that fails early leaves tar without an archive, or with half of one.
    run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --exclude="$3"', "sh",
         deb, directory, exclude])


def missing(packages):
    """Those of packages that are not installed, by one query."""
    if not packages or not works(["dpkg-query", "--version"]):
        return list(packages)
    out = run(["sh", "-c", "dpkg-query -W -f='${Package} ${db:Status-Status}\\n' \"$@\" 2>/dev/null"
               " || true", "sh", *packages])
    have = {line.split()[0] for line in out.splitlines() if line.endswith(" installed")}
    return [p for p in packages if p not in have]


def install(packages):
    """Install with the machine's own apt, or say exactly what to run."""
    line = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if os.geteuid() != 0 and not works(["sudo", "-n", "true"]):
        raise LabError("packages are missing; run:\n  sudo " + " ".join(line))
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    say(f"installing {' '.join(packages)}")
    try:
        run(sudo + line, env=env)
    except LabError:
        run(sudo + ["apt-get", "update", "-qq"], env=env)
        run(sudo + line, env=env)


def lock_downloads(cache):
    """One process at a time talks to the archive: lists are shared state."""
    return cache.lock("apt", "package downloads")

