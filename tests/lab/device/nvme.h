/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is particular about the disk: see nvme.c. */
#pragma once

#include "device.h"

#define NVME_READS 900U /* under way after the start */
/* Under way as long as it is served: nobody serves it while the kernel is replaced, and all the time it
 * shall have something to do */
#define NVME_SERVED_READS 1500U

/* Gives it the reads from one number to another */
void nvme_submit(struct device_io *io, unsigned int from, unsigned int to);
