/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device-bus - the objects org.luod1.Device, one for each device of the inventory. */
#ifndef LUOD_DEVICE_BUS_H
#define LUOD_DEVICE_BUS_H

#include "manager.h"

/* Announces what the inventory finds. */
extern const struct inventory_calls device_calls;

#endif
