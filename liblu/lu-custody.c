/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-custody - devices that luod preserves for the client: given to it before the jump, asked about
 * and taken to new page tables after it. Each function is one call of org.luod1.Session; for the
 * same by the client's own fds see lu-device.c.
 */
#include "lu-private.h"

static int append_hwpts(sd_bus_message *m, const struct lu_hwpt *hwpts, size_t n)
{
	int r = sd_bus_message_open_container(m, 'a', "(ut)");

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = hwpts[i].reserved
			    ? -EINVAL
			    : sd_bus_message_append(m, "(ut)", hwpts[i].id, hwpts[i].token);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_buffers(sd_bus_message *m, const struct lu_buffer *buffers, size_t n)
{
	int r = sd_bus_message_open_container(m, 'a', "(uttt)");

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct lu_buffer *b = &buffers[i];

		r = b->reserved ? -EINVAL
				: sd_bus_message_append(m, "(uttt)", b->ioas_id, b->iova, b->length,
							b->token);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int no_call(struct lu_session *session, const char *member, int r)
{
	return lu_fail(session->lu, r, "%s: cannot make the call: %s", member, lu_errno_text(r));
}

int lu_session_attach_iommufd(struct lu_session *session, const char *label, int fd,
			      const struct lu_hwpt *hwpts, size_t n_hwpts,
			      const struct lu_buffer *buffers, size_t n_buffers,
			      uint64_t *ret_token)
{
	static const char member[] = "AttachIommufd";
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL;
	int r;

	r = lu_call_new(session->lu, session->path, LU_SESSION_INTERFACE, member, &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "sh", label, fd);
	if (r >= 0)
		r = append_hwpts(m, hwpts, n_hwpts);
	if (r >= 0)
		r = append_buffers(m, buffers, n_buffers);
	if (r >= 0)
		r = sd_bus_message_append(m, "a{sv}", 0);
	return r < 0 ? no_call(session, member, r)
		     : lu_session_attach(session, m, member, ret_token);
}

int lu_session_attach_device(struct lu_session *session, const char *label, int fd,
			     const char *iommufd_label, uint64_t *ret_token)
{
	static const char member[] = "AttachDevice";
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL;
	int r;

	r = lu_call_new(session->lu, session->path, LU_SESSION_INTERFACE, member, &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "shsa{sv}", label, fd, iommufd_label, 0);
	return r < 0 ? no_call(session, member, r)
		     : lu_session_attach(session, m, member, ret_token);
}

static int read_areas(sd_bus_message *reply, struct lu_area **ret, size_t *ret_n)
{
	lu_cleanup(lu_freep) struct lu_area *areas = calloc(1, sizeof(*areas));
	struct lu_area a = {}, *more;
	size_t n = 0;
	int r;

	if (!areas)
		return -ENOMEM;
	r = sd_bus_message_enter_container(reply, 'a', "(tttttu)");
	while (r >= 0 && (r = sd_bus_message_read(reply, "(tttttu)", &a.iova, &a.length, &a.token,
						  &a.offset, &a.hwpt_token, &a.flags)) > 0) {
		more = realloc(areas, (n + 1) * sizeof(*areas));
		if (!more)
			return -ENOMEM;
		areas = more;
		areas[n++] = a;
	}
	if (r < 0)
		return -EPROTO;
	*ret = areas;
	*ret_n = n;
	areas = NULL;
	return 0;
}

int lu_session_areas(struct lu_session *session, const char *label, struct lu_area **ret,
		     size_t *ret_n)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL, *reply = NULL;
	int r;

	r = lu_call_new(session->lu, session->path, LU_SESSION_INTERFACE, "GetAreas", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "s", label);
	if (r < 0)
		return no_call(session, "GetAreas", r);
	r = lu_call(session->lu, m, &reply);
	if (r < 0)
		return r;
	r = read_areas(reply, ret, ret_n);
	return r < 0 ? lu_fail(session->lu, r, "GetAreas: luod's answer cannot be read") : 0;
}

static int make_reattach(struct lu_session *session, const char *label, uint64_t hwpt_token,
			 sd_bus_message **ret)
{
	int r = lu_call_new(session->lu, session->path, LU_SESSION_INTERFACE, "Reattach", ret);

	if (r >= 0)
		r = sd_bus_message_append(*ret, "s", label);
	if (r >= 0)
		r = sd_bus_message_open_container(*ret, 'a', "{sv}");
	if (r >= 0 && hwpt_token != LU_TOKEN_ONLY)
		r = lu_append_option(*ret, "hwpt-token", "t", hwpt_token);
	return r < 0 ? r : sd_bus_message_close_container(*ret);
}

int lu_session_reattach(struct lu_session *session, const char *label, uint64_t hwpt_token,
			struct lu_reattached *ret)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL, *reply = NULL;
	struct lu_reattached known = { .size = sizeof(known) };
	int r;

	if (ret && ret->size < sizeof(*ret))
		return lu_fail(session->lu, -EINVAL, "struct lu_reattached has no size");
	r = make_reattach(session, label, hwpt_token, &m);
	if (r < 0)
		return no_call(session, "Reattach", r);
	r = lu_call(session->lu, m, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_read(reply, "uuu", &known.device_id, &known.ioas_id, &known.hwpt_id);
	if (r < 0)
		return lu_fail(session->lu, -EPROTO, "Reattach: luod's answer cannot be read");
	if (ret)
		(void)lu_struct_out(ret, ret->size, sizeof(known), &known, sizeof(known));
	return 0;
}
