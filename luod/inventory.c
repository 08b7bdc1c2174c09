/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inventory - see inventory.h.
 *
 * Two queues feed one reader: addresses that an event has named, and what is left of an enumeration.
 * What is known of a device is known of its IOMMU group as well: its size is written to all members
 * at once, so that a group of a thousand that comes up costs a thousand readings and not a million.
 */
#include "inventory.h"

#include <libudev.h>

#include "later.h"
#include "log.h"
#include "util.h"
#include "vfio.h"

#define PORTION	     32
#define EVENTS_BYTES (16 << 20) /* as much as the kernel lets us have of it */
#define AGAIN_USEC   USEC_PER_SEC

/* --- sorted addresses ------------------------------------------------------------------------- */

/* Where @address is, or would be. */
static size_t device_place(const struct inventory *i, const char *address, bool *ret_found)
{
	size_t low = 0, high = i->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = strcmp(i->devices[middle]->facts.address, address);

		if (c == 0) {
			*ret_found = true;
			return middle;
		}
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = false;
	return low;
}

struct device **inventory_find(struct inventory *i, const char *address)
{
	bool found;
	size_t at = device_place(i, address, &found);

	return found ? &i->devices[at] : NULL;
}

/* There is room: the limit has been looked at. */
static void put_in(struct inventory *i, struct device *d, size_t at)
{
	memmove(&i->devices[at + 1], &i->devices[at], (i->n++ - at) * sizeof(struct device *));
	i->devices[at] = d;
}

static void take_out(struct inventory *i, size_t at)
{
	memmove(&i->devices[at], &i->devices[at + 1], (--i->n - at) * sizeof(struct device *));
}

/* --- what is to be read ----------------------------------------------------------------------- */

static void rescan(struct inventory *i);

static void wake(struct inventory *i)
{
	if (i->work)
		sd_event_source_set_enabled(i->work, SD_EVENT_ON);
}

static void enqueue(struct inventory *i, const char *address)
{
	size_t low = 0, high = i->n_pending;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = strcmp(i->pending[middle], address);

		if (c == 0)
			return;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (i->n_pending == i->limit) {
		/* More is to be read than would ever be kept: everything, then. */
		rescan(i);
		return;
	}
	memmove(&i->pending[low + 1], &i->pending[low],
		(i->n_pending++ - low) * sizeof(*i->pending));
	snprintf(i->pending[low], sizeof(*i->pending), "%s", address);
	wake(i);
}

static void enqueue_all(struct inventory *i)
{
	for (size_t j = 0; j < i->n; j++)
		enqueue(i, i->devices[j]->facts.address);
}

static void end_enumeration(struct inventory *i)
{
	i->enumeration = udev_enumerate_unref(i->enumeration);
	i->next = NULL;
}

static int on_again(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	rescan(userdata);
	return 0;
}

/* Everything, once more, when there may be what it takes. Of that is spoken once. */
static void read_again(struct inventory *i, int error)
{
	if (!i->complained)
		log_warning_errno(error,
				  "The devices of this host cannot be looked at now: %m. Trying "
				  "again");
	i->complained = i->incomplete = true;
	later(i->again, AGAIN_USEC);
}

/* Devices that are not known yet; those that are were queued by whoever asks for this. */
static void enumerate(struct inventory *i)
{
	int r;

	end_enumeration(i);
	i->enumeration = udev_enumerate_new(i->udev);
	if (!i->enumeration) {
		read_again(i, -ENOMEM);
		return;
	}
	if ((r = udev_enumerate_add_match_subsystem(i->enumeration, "pci")) < 0 ||
	    (r = udev_enumerate_scan_devices(i->enumeration)) < 0) {
		if (errno_is_shortage(r))
			read_again(i, r);
		else
			log_warning_errno(r, "Cannot list PCI devices, ignoring: %m");
		return;
	}
	i->n_enumerated++;
	i->next = udev_enumerate_get_list_entry(i->enumeration);
	wake(i);
}

static void rescan(struct inventory *i)
{
	i->incomplete = false;
	i->n_pending = 0;
	enqueue_all(i);
	enumerate(i);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void set_facts(struct inventory *i, struct device *d, const struct device_facts *f)
{
	struct device_facts before = d->facts;

	if (device_facts_equal(&before, f))
		return;
	d->facts = *f;
	i->calls->changed(d, &before, i->userdata);
}

/* All members of a group have the size that one of them was just found to have. */
static void share_group(struct inventory *i, const struct device_facts *f)
{
	if (f->group_size < 2)
		return; /* there is nobody else */
	for (size_t j = 0; j < i->n; j++) {
		struct device_facts other = i->devices[j]->facts;

		if (!streq(other.iommu_group, f->iommu_group))
			continue;
		other.group_size = f->group_size;
		other.firmware_memory = f->firmware_memory;
		set_facts(i, i->devices[j], &other);
	}
}

/* One of a group is enough: it tells the others. */
static void enqueue_one_of_group(struct inventory *i, const char *group)
{
	for (size_t j = 0; j < i->n && !isempty(group); j++)
		if (streq(i->devices[j]->facts.iommu_group, group)) {
			enqueue(i, i->devices[j]->facts.address);
			return;
		}
}

static void enqueue_physical_function(struct inventory *i, const struct device_facts *f)
{
	if (inventory_find(i, f->physical_function))
		enqueue(i, f->physical_function);
}

/*
 * Something has happened to a device that is none of ours, but may be, or have been, in a group with
 * one. When it is gone nobody can say any more in which.
 */
static void stranger(struct inventory *i, const char *address)
{
	char group[sizeof(((struct device_facts *)NULL)->iommu_group)];
	const char *last = "";

	if (device_read_group(i->root, address, group) >= 0) {
		enqueue_one_of_group(i, group);
		return;
	}
	for (size_t j = 0; j < i->n; j++) {
		const struct device_facts *f = &i->devices[j]->facts;

		if (f->group_size < 2 || streq(f->iommu_group, last))
			continue;
		last = f->iommu_group;
		enqueue(i, f->address);
	}
}

static void lost(struct inventory *i, size_t at)
{
	struct device *d = i->devices[at];
	struct device_facts f = d->facts;

	i->calls->removed(d, i->userdata);
	take_out(i, at);
	device_free(d);
	enqueue_one_of_group(i, f.iommu_group);
	enqueue_physical_function(i, &f);
	/* There is room again: perhaps for one that had found none. */
	if (i->full) {
		i->full = false;
		enumerate(i);
	}
}

static void found(struct inventory *i, size_t at, const struct device_facts *f)
{
	struct device *d;

	if (i->n >= i->limit) {
		if (!i->full)
			log_warning(
				"There are more than %zu devices of VFIO: %s and others are not in "
				"the inventory, ignoring",
				i->limit, f->address);
		i->full = true;
		return;
	}
	if (device_new(f->address, &d) < 0) {
		log_oom();
		return;
	}
	put_in(i, d, at);
	d->facts = *f;
	i->calls->added(d, i->userdata);
	enqueue_physical_function(i, f);
}

/* @happened: an event has named it. */
static void look_at(struct inventory *i, const char *address, bool happened)
{
	struct device_facts f;
	bool known;
	size_t at = device_place(i, address, &known);
	int r = device_read(i->root, address, &f);

	i->n_read++;
	if (errno_is_shortage(r)) {
		read_again(i, r);
		return;
	}
	if (r < 0) {
		if (known)
			lost(i, at);
		else if (happened)
			stranger(i, address);
		return;
	}
	if (known)
		set_facts(i, i->devices[at], &f);
	else
		found(i, at, &f);
	share_group(i, &f);
}

/* --- work ------------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void look_at_next(struct inventory *i)
{
	char address[DEVICE_ADDRESS_SIZE];

	if (i->n_pending) {
		memcpy(address, i->pending[--i->n_pending], sizeof(address));
		look_at(i, address, true);
		return;
	}
	snprintf(address, sizeof(address), "%s", base_name(udev_list_entry_get_name(i->next)));
	i->next = udev_list_entry_get_next(i->next);
	if (!inventory_find(i, address))
		look_at(i, address, false);
	if (!i->next)
		end_enumeration(i);
}

/* True while there is more to do. */
static bool work(struct inventory *i, unsigned int portion)
{
	while (portion-- && (i->n_pending || i->next))
		look_at_next(i);
	if (i->n_pending || i->next)
		return true;
	if (!i->incomplete)
		i->complained = false;
	return false;
}

static int on_work(sd_event_source *source, void *userdata)
{
	if (!work(userdata, PORTION))
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

/* --- events ----------------------------------------------------------------------------------- */

/* A node's folder is ".../0000:00:03.0/vfio-dev/vfio0". */
static void enqueue_path(struct inventory *i, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	char *node = copy ? strstr(copy, "/vfio-dev/") : NULL;
	const char *address;

	if (!copy) {
		log_oom();
		return;
	}
	if (node)
		*node = '\0';
	address = base_name(copy);
	if (pci_address_valid(address))
		enqueue(i, address);
}

/* Takes one event in; false when there is none left. */
static bool receive(struct inventory *i)
{
	struct udev_device *d;

	errno = 0;
	d = udev_monitor_receive_device(i->monitor);
	if (d) {
		i->n_events++;
		enqueue_path(i, strempty(udev_device_get_syspath(d)));
		udev_device_unref(d);
		return true;
	}
	if (errno == ENOBUFS) {
		log_info("More happened to devices than could be followed; looking at all of them");
		rescan(i);
	}
	return false;
}

static int on_event(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_,
		    void *userdata)
{
	struct inventory *i = userdata;

	for (unsigned int n = 0; n < PORTION && receive(i); n++)
		;
	return 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

void inventory_init(struct inventory *i, const char *root, const struct inventory_calls *calls,
		    void *userdata)
{
	*i = (struct inventory){
		.root = root,
		.calls = calls,
		.userdata = userdata,
		.limit = LIMIT_DEVICES,
	};
}

static int follow(struct inventory *i, sd_event *event)
{
	int r;

	i->monitor = udev_monitor_new_from_netlink(i->udev, "udev");
	if (!i->monitor)
		return errno ? -errno : -ENOMEM;
	if ((r = udev_monitor_filter_add_match_subsystem_devtype(i->monitor, "pci", NULL)) < 0 ||
	    (r = udev_monitor_filter_add_match_subsystem_devtype(i->monitor, "vfio-dev", NULL)) < 0)
		return r;
	/* More than the usual needs a privilege that luod does not have. */
	udev_monitor_set_receive_buffer_size(i->monitor, EVENTS_BYTES);
	if ((r = udev_monitor_enable_receiving(i->monitor)) < 0)
		return r;
	return sd_event_add_io(event, &i->source, udev_monitor_get_fd(i->monitor), EPOLLIN,
			       on_event, i);
}

int inventory_start(struct inventory *i, sd_event *event, int *ret_blind)
{
	int r;

	i->udev = udev_new();
	i->pending = calloc(LIMIT_DEVICES, sizeof(*i->pending));
	if (!i->udev || !i->pending)
		return -ENOMEM;
	if ((r = later_prepare(event, &i->again, on_again, i)) < 0 ||
	    (r = sd_event_add_defer(event, &i->work, on_work, i)) < 0 ||
	    (r = sd_event_source_set_priority(i->work, SD_EVENT_PRIORITY_IDLE)) < 0)
		return r;
	/* First the events, then the list: nothing comes between. */
	r = follow(i, event);
	if (r < 0)
		i->monitor = udev_monitor_unref(i->monitor);
	*ret_blind = r < 0 ? r : 0;
	rescan(i);
	return 0;
}

void inventory_settle(struct inventory *i)
{
	if (!i->udev)
		return;
	do {
		for (unsigned int n = 0; n < LIMIT_DEVICES && i->monitor && receive(i); n++)
			;
	} while (work(i, LIMIT_DEVICES));
}

void inventory_refresh(struct inventory *i)
{
	if (!i->udev)
		return;
	if (i->monitor && !i->incomplete)
		enqueue_all(i);
	else
		rescan(i);
	inventory_settle(i);
}

void inventory_clear(struct inventory *i)
{
	sd_event_source_disable_unref(i->source);
	sd_event_source_disable_unref(i->work);
	sd_event_source_disable_unref(i->again);
	end_enumeration(i);
	udev_monitor_unref(i->monitor);
	udev_unref(i->udev);
	for (size_t j = 0; j < i->n; j++)
		device_free(i->devices[j]);
	free(i->pending);
	*i = (struct inventory){};
}
