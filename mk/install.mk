# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where everything goes. The files in units/ name the usual paths (/usr/lib/luod, /usr/bin, /etc)
# and are valid as they are; another PREFIX or SYSCONFDIR is written into them on the way.
#
# D-Bus and polkit read their configuration below /usr only, so PREFIX=/usr is the one that works
# without further settings of those.

# Our own tree's systemd may place units below / and not below /usr: the prefix decides.
systemd_dir = $(shell pkg-config --define-variable=prefix=$(PREFIX) \
	--define-variable=rootprefix=$(PREFIX) --define-variable=root_prefix=$(PREFIX) \
	--variable=$(1) systemd 2>/dev/null)
UNITDIR ?= $(or $(call systemd_dir,systemdsystemunitdir),$(PREFIX)/lib/systemd/system)
PRESETDIR = $(PREFIX)/lib/systemd/system-preset
UDEVRULESDIR = $(PREFIX)/lib/udev/rules.d
CATALOGDIR = $(PREFIX)/lib/systemd/catalog
TMPFILESDIR = $(PREFIX)/lib/tmpfiles.d
DBUSPOLICYDIR = $(PREFIX)/share/dbus-1/system.d
DBUSSERVICEDIR = $(PREFIX)/share/dbus-1/system-services
POLKITDIR = $(PREFIX)/share/polkit-1/actions
BASHCOMPDIR = $(PREFIX)/share/bash-completion/completions

INSTALL := install
put = $(INSTALL) -D -m 0644 $(1) $(DESTDIR)$(2)/$(notdir $(1))
put_program = $(INSTALL) -D -m 0755 $(1) $(DESTDIR)$(2)/$(notdir $(1))
# As put, with the chosen paths in place of the usual ones.
put_paths = $(INSTALL) -d $(DESTDIR)$(2) && sed -e 's|/usr/lib/luod/|$(PKGLIBDIR)/|g' \
	-e 's|/usr/bin/|$(BINDIR)/|g' -e 's|/etc/luod|$(SYSCONFDIR)/luod|g' $(1) \
	>$(DESTDIR)$(2)/$(notdir $(1)) && chmod 0644 $(DESTDIR)$(2)/$(notdir $(1))
# $(call each,FUNCTION,FILES,DIRECTORY)
each = $(foreach f,$(wildcard $(2)),$(call $(1),$(f),$(3)) &&) true

SYSTEMD_UNITS = units/*.service units/*.socket units/*.target

.PHONY: install
install: all ## install (DESTDIR=, PREFIX=/usr, SYSCONFDIR=/etc, UNITDIR=)
	@$(call put_program,$(O)/luod/luod,$(PKGLIBDIR))
	@$(call put_program,$(O)/luod/luod-keeper,$(PKGLIBDIR))
	@$(call put_program,$(O)/luod/luod-host,$(PKGLIBDIR))
	@$(call put_program,$(O)/luctl/luctl,$(BINDIR))
	@$(call put_program,$(O)/liblu/liblu.so.1,$(LIBDIR))
	@ln -sfn liblu.so.1 $(DESTDIR)$(LIBDIR)/liblu.so
	@$(call put,liblu/liblu.h,$(PREFIX)/include)
	@$(INSTALL) -d $(DESTDIR)$(LIBDIR)/pkgconfig && \
		sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@prefix@|$(PREFIX)|g' \
		-e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@libdir@|$(LIBDIR)|g' \
		-e 's|@INCLUDEDIR@|$(PREFIX)/include|g' -e 's|@includedir@|$(PREFIX)/include|g' \
		-e 's|@VERSION@|$(VERSION)|g' -e 's|@version@|$(VERSION)|g' \
		liblu/liblu.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/liblu.pc
	@$(call put,lu.conf,$(PKGLIBDIR))
	@$(INSTALL) -d $(DESTDIR)$(SYSCONFDIR)/luod/lu.conf.d
	@$(INSTALL) -d -m 0700 $(DESTDIR)$(LOCALSTATEDIR)/lib/luod
	@# An administrator's file is never overwritten.
	@[ -e $(DESTDIR)$(SYSCONFDIR)/luod/lu.conf ] || $(call put,lu.conf,$(SYSCONFDIR)/luod)
	@$(call each,put_paths,$(SYSTEMD_UNITS),$(UNITDIR))
	@$(call each,put_paths,units/*.preset,$(PRESETDIR))
	@$(call each,put,units/*.rules,$(UDEVRULESDIR))
	@$(call each,put,units/*.catalog,$(CATALOGDIR))
	@$(INSTALL) -D -m 0644 units/luod.tmpfiles $(DESTDIR)$(TMPFILESDIR)/luod.conf
	@$(call each,put,units/*.conf,$(DBUSPOLICYDIR))
	@$(call put_paths,units/dbus/org.luod1.service,$(DBUSSERVICEDIR))
	@$(call each,put,units/*.policy,$(POLKITDIR))
	@[ ! -e luctl/luctl.bash ] || $(INSTALL) -D -m 0644 luctl/luctl.bash $(DESTDIR)$(BASHCOMPDIR)/luctl
	@$(foreach p,$(MAN_PAGES),$(INSTALL) -D -m 0644 $(p) \
		$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(p)))/$(notdir $(p)) &&) true
	@$(call each,put,README.md ARCHITECTURE.md NEWS,$(DOCDIR))
	@echo "installed below $(DESTDIR)$(PREFIX)"
