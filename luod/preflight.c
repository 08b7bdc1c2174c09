/* SPDX-License-Identifier: GPL-2.0-or-later */
/* preflight - see preflight.h; the checks are in preflight-*.c. */
#include "preflight-check.h"

/* In the order of the manual. */
static const struct check_table *const tables[] = {
	&preflight_host,   &preflight_target,	  &preflight_session,
	&preflight_device, &preflight_dma_memory, &preflight_network,
};

const struct preflight_code *preflight_code_by_index(size_t index)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); index -= tables[i++]->n)
		if (index < tables[i]->n)
			return &tables[i]->checks[index].code;
	return NULL;
}

int preflight_run(const struct preflight_context *context, struct findings *ret)
{
	struct findings findings = {};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (size_t j = 0; j < tables[i]->n; j++)
			tables[i]->checks[j].run(&tables[i]->checks[j], context, &findings);
	if (findings.out_of_memory) {
		findings_free(&findings);
		return -ENOMEM;
	}
	findings_sort(&findings);
	*ret = findings;
	return 0;
}
