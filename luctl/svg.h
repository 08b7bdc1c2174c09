/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * svg - a timeline as a picture: a row for each phase on both sides of the jump, the blackout as a
 * band behind them, the jump as a line through them.
 *
 * The time axis is true around the blackout, which is what people look for: a phase outside of it
 * that is longer than the whole blackout (minutes of stopping services, hours until the last owner
 * came) is cut to its length, and shown to be cut. The document needs nothing besides itself.
 */
#ifndef LUCTL_SVG_H
#define LUCTL_SVG_H

#include <stdio.h>

#include "luctl/phase.h"

/* Writes the document. Negative: out of memory, or the stream's error. */
int luctl_svg_print(FILE *f, const struct luctl_timeline *timeline,
		    const struct luctl_phases *phases);

/*
 * @text as character data or the value of an attribute: what XML takes for markup is escaped, and
 * what it has no characters for is replaced. Caller frees; NULL when out of memory.
 */
char *luctl_xml_escape(const char *text);

/*
 * Where the moments of an update lie from 0 to 1: ret[i] is the begin of phase i, ret[count] the
 * end of the last; *ret_cut[i] tells that phase i is drawn shorter than it was. -ENOMEM.
 */
int luctl_svg_scale(const struct luctl_timeline *timeline, const struct luctl_phases *phases,
		    double **ret, bool **ret_cut);

#endif
