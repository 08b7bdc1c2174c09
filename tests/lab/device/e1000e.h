/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of an e1000e that have to do with interrupts. */
#pragma once

#define E1000E_ICR   0x00c0
#define E1000E_ICS   0x00c8
#define E1000E_IMS   0x00d0
#define E1000E_IMC   0x00d8
#define E1000E_IVAR  0x00e4
#define E1000E_LSC   (1u << 2)
#define E1000E_RXQ0  (1u << 20)
#define E1000E_OTHER (1u << 24)
/* Queue 0 is vector 0, everything else is vector 1; both valid */
#define E1000E_VECTORS (8u << 0 | 9u << 16)
