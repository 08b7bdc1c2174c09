/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is particular about the disk: see nvme.c. */
#pragma once

#include "device.h"

#define NVME_READS 900U /* under way after the start */

/* Gives it the reads from one number to another */
void nvme_submit(struct device_io *io, unsigned int from, unsigned int to);
