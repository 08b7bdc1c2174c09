/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault-list - where luod can be made to fail, from its own tables, see fault.h. */
#include "fault.h"

#ifdef LUOD_FAULTS

#include <stdio.h>

#include "update.h"

/* Of the macro's making: the linker puts the points side by side, if there are any. */
extern const char *const __start_luod_faults[] __attribute__((weak));
extern const char *const __stop_luod_faults[] __attribute__((weak));

bool fault_list_asked(int argc, char **argv)
{
	if (argc != 2 || !streq(argv[1], "--faults"))
		return false;
	for (unsigned int i = 0; i < update_n_steps; i++) {
		printf("%s:act\n", update_steps[i].name);
		/* After the last one nobody is there. */
		if (i + 1 < update_n_steps)
			printf("%s:done\n", update_steps[i].name);
		if (update_steps[i].undo)
			printf("%s:undo\n", update_steps[i].name);
	}
	for (const char *const *point = __start_luod_faults; point < __stop_luod_faults; point++)
		puts(*point);
	return true;
}

#endif
