// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * cxx-include - liblu.h in a C++ program: compiled and linked by abi-cxx.sh, not run. It names every
 * function with the type that C sees, so that a declaration outside of extern "C" fails to link.
 */
#include <liblu.h>

static void on_event(const struct lu_event &event)
{
	switch (event.type) {
	case LU_EVENT_PREPARE:
		lu_session_ready(event.session);
		break;
	case LU_EVENT_CANCELLED:
	case LU_EVENT_STATE:
	case LU_EVENT_DISCONNECTED:
	case LU_EVENT_RECONNECTED:
	case LU_EVENT_PRESERVED:
	case LU_EVENT_NONE:
		break;
	}
}

static int come_back(struct lu_session *session)
{
	struct lu_resource resource = {};
	struct lu_reattached reattached = {};
	struct lu_dma_memory memory = {};
	struct lu_buffer buffer = {};
	struct lu_hwpt hwpt = {};
	struct lu_area *areas;
	uint64_t token;
	size_t n;
	int fd;

	reattached.size = sizeof(reattached);
	memory.size = sizeof(memory);
	lu_dma_memory_query(-1, &memory);
	resource.size = sizeof(resource);
	lu_session_resource(session, 0, &resource);
	lu_session_get_resource(session, "ram0", &fd, &resource);
	lu_session_retrieve(session, 1, &fd);
	lu_session_attach_memory(session, "ram1", fd, &token);
	lu_session_attach_iommufd(session, "iommu", fd, &hwpt, 1, &buffer, 1, &token);
	lu_session_attach_device(session, "nic", fd, "iommu", nullptr);
	lu_session_areas(session, "iommu", &areas, &n);
	lu_session_reattach(session, "nic", LU_TOKEN_ONLY, &reattached);
	lu_session_declare_device(session, "nic", fd, 4, 0);
	lu_session_attach_tap(session, "net0", fd, nullptr);
	lu_session_attach_dma_memory(session, "ring", fd, nullptr);
	const char *links[] = { "tap0" };
	lu_session_set_links(session, links, 1);
	lu_session_detach(session, "ram1");
	lu_session_preserve(session, "ram2", fd, 2);
	lu_session_declare(session, "ram3", "memory", 3, 4096);
	lu_session_resumed(session);
	lu_session_done(session);
	lu_session_veto(session, "reason");
	return lu_session_get_fd(session);
}

int main()
{
	struct lu_options options = {};
	struct lu_session_options session_options = {};
	struct lu_event event = {};
	struct lu_session *session;
	struct lu *lu;

	options.size = sizeof(options);
	options.flags = LU_FLAG_CONNECT_LATER;
	session_options.size = sizeof(session_options);
	session_options.mode = LU_MODE_DELEGATION;
	event.size = sizeof(event);

	if (lu_new(&lu, &options) < 0 || lu_get_fd(lu) < 0)
		return 1;
	if (lu_session_claim(lu, "vm", &session) < 0 &&
	    lu_session_create(lu, "vm", &session_options, &session) < 0)
		return *lu_error_text(lu);
	while (lu_wait(lu, LU_USEC_INFINITY) > 0)
		while (lu_process(lu, &event) > 0)
			on_event(event);
	if (lu_session_state(session) == LU_STATE_CLAIMED &&
	    lu_session_mode(session) == LU_MODE_CUSTODY)
		come_back(session);
	lu_session_close(session);
	lu_unref(lu_session_get_lu(lu_session_ref(session)));
	lu_session_unref(session);
	return *lu_session_name(session) + *lu_session_reason(session) +
	       *lu_session_update_id(session) + *lu_daemon_version(lu_ref(lu)) +
	       *lu_state_to_string(LU_STATE_IDLE);
}
