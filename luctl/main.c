/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main - the process around luctl_run(); options.c has the verbs. */
#include <locale.h>

#include "luctl/luctl.h"

int main(int argc, char **argv)
{
	setlocale(LC_ALL, "");
	return luctl_run(argc, argv, stdout, stderr);
}
