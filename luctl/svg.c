/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * svg - see svg.h. Coordinates are written with integers only: printf's %f would follow the locale.
 */
#include "luctl/svg.h"

#include <stdarg.h>

#include "luctl/output.h"

/* Everything is in pixels. */
#define WIDTH	    1080
#define MARGIN	    24
#define NAME_X	    40
#define DURATION_X  312 /* where durations end */
#define CHART_X	    332
#define CHART_END   (WIDTH - MARGIN)
#define CHART_WIDTH (CHART_END - CHART_X)
#define ROW	    24
#define BAR	    14
#define BAR_MIN	    3
#define STRIP	    30 /* above the rows, for the blackout's length */
#define AXIS	    40 /* below them */
#define LINE_CHARS  140
#define LINES_MAX   4
#define TICKS	    6
#define TICK_ROOM   64 /* between two labels */

static const struct {
	const char *name;  /* CSS class */
	const char *title; /* what the group of rows is called */
	const char *color, *pale, *ground;
} sides[] = {
	[LUCTL_OLD_KERNEL] = { "old", "old kernel", "#2f6fb3", "#a9c5e4", "#f3f7fc" },
	[LUCTL_BETWEEN] = { "between", "between the kernels", "#6b5b95", "#c5bddb", "#f6f4fa" },
	[LUCTL_NEW_KERNEL] = { "new", "new kernel", "#23855b", "#a3d3bd", "#f2faf6" },
};

static const char style[] =
	"text { font: 13px 'DejaVu Sans', Verdana, sans-serif; fill: #1f2933 }\n"
	".head { font-size: 19px; font-weight: bold }\n"
	".note, .tick, .cut { fill: #52606d; font-size: 12px }\n"
	".group { font-size: 11px; font-weight: bold; fill: #52606d; letter-spacing: 0.06em }\n"
	".error { fill: #b3261e }\n"
	".good { fill: #17603f }\n"
	".fair { fill: #8a5300 }\n"
	".black { fill: #b3261e; font-weight: bold }\n"
	".band { fill: #f9dcd9; fill-opacity: 0.65 }\n"
	".edge { stroke: #b3261e; stroke-width: 1.5; fill: none }\n"
	".grid { stroke: #cbd2d9; stroke-width: 1 }\n"
	".jump { stroke: #1f2933; stroke-width: 1.5; stroke-dasharray: 5 3 }\n"
	".at { font-weight: bold }\n"
	".gap { stroke: #ffffff; stroke-width: 3; fill: none }\n";

struct picture {
	FILE *f;
	const struct luctl_timeline *timeline;
	const struct luctl_phases *phases;
	double *at; /* see luctl_svg_scale() */
	bool *cut;
	int y;	  /* where the next thing goes */
	int top;  /* of the rows */
	bool bad; /* out of memory somewhere */
};

/* --- text --------------------------------------------------------------------------------------- */

/* The character that begins at @s and its length; U+FFFD for what XML does not have. */
static uint32_t decode(const unsigned char *s, size_t *ret_length)
{
	static const uint32_t first[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c = n > 1 ? s[0] & (0x7f >> n) : s[0];

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			n = 0;
		else
			c = c << 6 | (s[i] & 0x3f);
	}
	*ret_length = n ?: 1;
	if (n == 0 || c < first[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ||
	    (c & 0xfffe) == 0xfffe || (c < 0x20 && c != '\t' && c != '\n') ||
	    (c >= 0x7f && c < 0xa0))
		return 0xfffd;
	return c;
}

char *luctl_xml_escape(const char *text)
{
	static const struct {
		uint32_t c;
		const char *entity;
	} entities[] = {
		{ '&', "&amp;" },  { '<', "&lt;" },   { '>', "&gt;" },
		{ '"', "&quot;" }, { '\'', "&#39;" }, { 0xfffd, "\xef\xbf\xbd" },
	};
	const unsigned char *s = (const unsigned char *)strempty(text);
	char *escaped = malloc(strlen((const char *)s) * 6 + 1), *p = escaped;

	while (escaped && *s) {
		const char *entity = NULL;
		size_t n;
		uint32_t c = decode(s, &n);

		for (size_t i = 0; i < ARRAY_SIZE(entities); i++)
			if (entities[i].c == c)
				entity = entities[i].entity;
		p = entity ? stpcpy(p, entity) : mempcpy(p, s, n);
		s += n;
	}
	if (escaped)
		*p = '\0';
	return escaped;
}

/* The first @max characters of @text, the last of them "…" where it is longer. */
static char *shorten(const char *text, size_t max)
{
	const unsigned char *s = (const unsigned char *)strempty(text), *last = s;
	size_t count = 0, n;

	for (; *s; s += n, count++) {
		if (count + 1 == max)
			last = s;
		decode(s, &n);
	}
	if (count <= max)
		return strdup(strempty(text));
	return strprintf("%.*s…", (int)(last - (const unsigned char *)text), text);
}

/* One line of text; @anchor: start, middle, end. Takes what is said from printf and escapes it. */
static void _printf_(6, 7) put_text(struct picture *p, int x, int y, const char *class,
				    const char *anchor, const char *format, ...)
{
	_cleanup_free_ char *text = NULL, *escaped = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	escaped = text ? luctl_xml_escape(text) : NULL;
	p->bad |= !escaped;
	fprintf(p->f, "<text x=\"%d\" y=\"%d\" class=\"%s\" text-anchor=\"%s\">%s</text>\n", x, y,
		class, anchor, strempty(escaped));
}

/* --- the scale ---------------------------------------------------------------------------------- */

static uint64_t longest_of(const struct luctl_phases *phases)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < phases->count; i++)
		if (phases->items[i].duration > longest)
			longest = phases->items[i].duration;
	return longest;
}

/* How long a phase outside of the blackout may be drawn. Without a blackout: four fifths of all. */
static uint64_t longest_drawn(const struct luctl_timeline *timeline,
			      const struct luctl_phases *phases)
{
	uint64_t start, blackout, sum = 0;

	if (luctl_blackout(timeline, &start, &blackout) && blackout)
		return blackout;
	for (size_t i = 0; i < phases->count; i++)
		sum += phases->items[i].duration;
	sum -= longest_of(phases);
	return sum && sum < UINT64_MAX / 4 ? 4 * sum : UINT64_MAX;
}

int luctl_svg_scale(const struct luctl_timeline *timeline, const struct luctl_phases *phases,
		    double **ret, bool **ret_cut)
{
	uint64_t limit = longest_drawn(timeline, phases);
	double total, *at = calloc(phases->count + 1, sizeof(*at));
	bool *cut = calloc(phases->count + 1, sizeof(*cut));

	if (!at || !cut) {
		free(at);
		free(cut);
		return -ENOMEM;
	}
	for (size_t i = 0; i < phases->count; i++) {
		const struct luctl_phase *phase = &phases->items[i];

		cut[i] = !phase->blackout && phase->duration > limit;
		at[i + 1] = at[i] + (double)(cut[i] ? limit : phase->duration);
	}
	total = at[phases->count];
	for (size_t i = 0; total > 0 && i <= phases->count; i++)
		at[i] /= total;
	*ret = at;
	*ret_cut = cut;
	return 0;
}

static int x_of(const struct picture *p, size_t i)
{
	return CHART_X + (int)(p->at[i] * CHART_WIDTH + 0.5);
}

/* The moment with this mark's name as an index into at[], or -1. */
static int moment(const struct picture *p, const char *mark)
{
	for (size_t i = 0; i < p->phases->count; i++) {
		if (streq(p->phases->items[i].from, mark))
			return (int)i;
		if (streq(p->phases->items[i].to, mark))
			return (int)i + 1;
	}
	return -1;
}

/* --- parts of the picture ----------------------------------------------------------------------- */

static const char *head_class(const char *result)
{
	switch (luctl_color_of(result)) {
	case LUCTL_GREEN:
		return "head good";
	case LUCTL_YELLOW:
		return "head fair";
	case LUCTL_RED:
		return "head error";
	case LUCTL_PLAIN:
	case LUCTL_BOLD:
		break;
	}
	return "head";
}

static void put_head(struct picture *p)
{
	const struct luctl_timeline *t = p->timeline;
	_cleanup_free_ char *from = shorten(t->from, 36), *to = shorten(t->to, 36);
	_cleanup_free_ char *who = luctl_requester(t), *when = NULL;
	uint64_t began = t->began;

	if (began == USEC_INFINITY && t->marks.count)
		began = t->marks.items[0].realtime;
	if (began != USEC_INFINITY)
		when = luctl_format_time(began);
	p->y = MARGIN + 20;
	put_text(p, MARGIN, p->y, head_class(t->result), "start", "%s → %s: %s",
		 isempty(from) ? "?" : from, isempty(to) ? "?" : to,
		 isempty(t->result) ? "no result yet" : t->result);
	p->y += 22;
	put_text(p, MARGIN, p->y, "note", "start", "update %s, %s, jump %s, by %s",
		 isempty(t->update_id) ? "?" : t->update_id, when ?: "?", strempty(t->jump),
		 strempty(who));
	p->y += 6;
}

/* A paragraph below the heading, nothing for an empty one. */
static void put_paragraph(struct picture *p, const char *class, const char *text)
{
	_cleanup_free_ char *folded = luctl_fold(strempty(text), LINE_CHARS);
	unsigned int lines = 0;
	char *next;

	p->bad |= !folded;
	for (char *line = folded; !isempty(line) && lines < LINES_MAX; line = next) {
		_cleanup_free_ char *short_line = NULL;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		short_line = shorten(line, LINE_CHARS + 8);
		p->y += 17;
		put_text(p, MARGIN, p->y, class, "start", "%s%s", strempty(short_line),
			 ++lines == LINES_MAX && !isempty(next) ? " …" : "");
	}
}

/* Each group has a row for its name. */
static bool begins_group(const struct luctl_phases *phases, size_t i)
{
	return i == 0 || phases->items[i].side != phases->items[i - 1].side;
}

static int rows_height(const struct luctl_phases *phases)
{
	int height = 0;

	for (size_t i = 0; i < phases->count; i++)
		height += ROW + (begins_group(phases, i) ? ROW : 0);
	return height;
}

/* The grounds of the groups, below everything else. */
static void put_grounds(struct picture *p)
{
	int y = p->top;

	for (size_t i = 0; i < p->phases->count; i++) {
		int height = ROW + (begins_group(p->phases, i) ? ROW : 0);

		fprintf(p->f, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n",
			MARGIN, y, WIDTH - 2 * MARGIN, height,
			sides[p->phases->items[i].side].ground);
		y += height;
	}
}

static void put_blackout(struct picture *p, int bottom)
{
	int from = moment(p, "first-ready"), to = moment(p, "last-resumed"), left, right, middle;
	_cleanup_free_ char *length = NULL;
	uint64_t start, duration;

	if (!luctl_blackout(p->timeline, &start, &duration) || from < 0 || to < 0)
		return;
	length = luctl_format_duration(duration);
	left = x_of(p, (size_t)from);
	right = x_of(p, (size_t)to);
	if (right < left + BAR_MIN)
		right = left + BAR_MIN;
	fprintf(p->f, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"band\"/>\n", left,
		p->top, right - left, bottom - p->top);
	fprintf(p->f, "<path d=\"M%d %dv-8h%dv8\" class=\"edge\"/>\n", left, p->top, right - left);
	/* In the middle, unless it would leave the chart. */
	middle = (left + right) / 2;
	if (middle > CHART_END - 80)
		middle = CHART_END - 80;
	if (middle < CHART_X + 80)
		middle = CHART_X + 80;
	put_text(p, middle, p->top - 13, "black", "middle", "blackout %s", strempty(length));
}

static void put_bar(struct picture *p, size_t i, int y)
{
	const struct luctl_phase *phase = &p->phases->items[i];
	_cleanup_free_ char *title = luctl_xml_escape(phase->title);
	_cleanup_free_ char *length = luctl_format_duration(phase->duration);
	int left = x_of(p, i), right = x_of(p, i + 1);
	int width = right - left < BAR_MIN ? BAR_MIN : right - left;

	/* What is too short to be seen grows away from the jump. */
	if (phase->side == LUCTL_OLD_KERNEL && right - width >= CHART_X)
		left = right - width;
	else if (left + width > CHART_END)
		left = CHART_END - width;
	fprintf(p->f,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"2\" fill=\"%s\">"
		"<title>%s: %s</title></rect>\n",
		left, y + (ROW - BAR) / 2, width, BAR,
		phase->blackout ? sides[phase->side].color : sides[phase->side].pale,
		strempty(title), strempty(length));
	if (!p->cut[i])
		return;
	for (int k = -1; k <= 1; k += 2)
		fprintf(p->f, "<path d=\"M%d %dl-4 7l8 6l-4 7\" class=\"gap\"/>\n",
			left + width / 2 + k * 4, y + (ROW - 20) / 2);
}

static void put_rows(struct picture *p)
{
	int y = p->top;

	for (size_t i = 0; i < p->phases->count; i++) {
		const struct luctl_phase *phase = &p->phases->items[i];
		_cleanup_free_ char *title = shorten(phase->title, 26);
		_cleanup_free_ char *length = luctl_format_duration(phase->duration);

		if (begins_group(p->phases, i)) {
			put_text(p, MARGIN + 6, y + 17, "group", "start", "%s",
				 sides[phase->side].title);
			y += ROW;
		}
		put_text(p, NAME_X, y + 17, "phase", "start", "%s", strempty(title));
		put_text(p, DURATION_X, y + 17, "phase", "end", "%s", strempty(length));
		put_bar(p, i, y);
		y += ROW;
	}
}

/* --- the axis ----------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, so that about TICKS fit into @usec. */
static uint64_t tick_step(uint64_t usec)
{
	static const unsigned int factors[] = { 2, 5, 10 };
	uint64_t power = 1;

	for (; power < UINT64_MAX / 100; power *= 10) {
		if (usec / power <= TICKS)
			return power;
		for (size_t i = 0; i < ARRAY_SIZE(factors); i++)
			if (usec / (power * factors[i]) <= TICKS)
				return power * factors[i];
	}
	return power;
}

/* "200 ms", "1.5 s", "20 s": ticks are round numbers. */
static char *tick_label(uint64_t usec)
{
	if (usec < USEC_PER_MSEC)
		return strprintf("%llu us", (unsigned long long)usec);
	if (usec < USEC_PER_SEC)
		return strprintf("%llu ms", (unsigned long long)(usec / USEC_PER_MSEC));
	if (usec % USEC_PER_SEC)
		return strprintf("%llu.%llu s", (unsigned long long)(usec / USEC_PER_SEC),
				 (unsigned long long)(usec % USEC_PER_SEC / (USEC_PER_SEC / 10)));
	return strprintf("%llu s", (unsigned long long)(usec / USEC_PER_SEC));
}

/*
 * The part of the axis around moment @zero in which nothing is cut: ticks count from there, and
 * would tell nothing beyond a cut.
 */
static void true_part(const struct picture *p, size_t zero, size_t *ret_first, size_t *ret_last)
{
	size_t first = zero, last = zero;

	while (first > 0 && !p->cut[first - 1])
		first--;
	while (last < p->phases->count && !p->cut[last])
		last++;
	*ret_first = first;
	*ret_last = last;
}

static uint64_t time_of(const struct picture *p, size_t i)
{
	const struct luctl_phase *last = &p->phases->items[p->phases->count - 1];

	return i < p->phases->count ? p->phases->items[i].start : last->start + last->duration;
}

/* The ticks from @zero to @end, in one of the two directions. */
static void put_ticks(struct picture *p, size_t zero, size_t end, uint64_t step, int bottom)
{
	bool after = end > zero;
	uint64_t length = after ? time_of(p, end) - time_of(p, zero)
				: time_of(p, zero) - time_of(p, end);
	double pixels = x_of(p, end) - x_of(p, zero);

	for (uint64_t t = step; length && t <= length; t += step) {
		_cleanup_free_ char *label = tick_label(t);
		int x = x_of(p, zero) + (int)(pixels * (double)t / (double)length);

		fprintf(p->f, "<path d=\"M%d %dV%d\" class=\"grid\"/>\n", x, p->top, bottom + 5);
		if (x <= CHART_END - 20 && x >= CHART_X)
			put_text(p, x, bottom + 20, "tick", "middle", "%s%s", after ? "+" : "−",
				 strempty(label));
	}
}

static void put_axis(struct picture *p, int bottom)
{
	int jump = moment(p, "jump");
	size_t zero = jump < 0 ? 0 : (size_t)jump, first, last;
	uint64_t step, length;
	int pixels;

	true_part(p, zero, &first, &last);
	length = time_of(p, last) - time_of(p, first);
	pixels = x_of(p, last) - x_of(p, first);
	step = tick_step(length);
	while (length && step < length &&
	       (double)pixels * (double)step / (double)length < TICK_ROOM)
		step *= 2;
	put_ticks(p, zero, first, step, bottom);
	put_ticks(p, zero, last, step, bottom);
	fprintf(p->f, "<path d=\"M%d %dH%d\" class=\"grid\"/>\n", CHART_X, bottom, CHART_END);
}

/* Over everything else. */
static void put_jump(struct picture *p, int bottom)
{
	int jump = moment(p, "jump");
	int x = x_of(p, jump < 0 ? 0 : (size_t)jump);

	if (jump >= 0)
		fprintf(p->f, "<path d=\"M%d %dV%d\" class=\"jump\"/>\n", x, p->top, bottom + 6);
	put_text(p, x, bottom + 20, "tick at", "middle", "%s", jump < 0 ? "0" : "jump");
}

static bool anything_cut(const struct picture *p)
{
	for (size_t i = 0; i < p->phases->count; i++)
		if (p->cut[i])
			return true;
	return false;
}

static void put_chart(struct picture *p)
{
	uint64_t start, duration;
	int bottom;

	p->y += luctl_blackout(p->timeline, &start, &duration) ? STRIP + 8 : STRIP / 2;
	p->top = p->y;
	bottom = p->top + rows_height(p->phases);
	put_grounds(p);
	put_blackout(p, bottom);
	put_axis(p, bottom);
	put_rows(p);
	put_jump(p, bottom);
	p->y = bottom + AXIS;
	if (anything_cut(p))
		put_text(p, MARGIN + 6, bottom + 20, "cut", "start",
			 "broken bars took longer than drawn");
}

static void put_body(struct picture *p)
{
	_cleanup_free_ char *reason = NULL;

	put_head(p);
	if (!isempty(p->timeline->reason))
		reason = strprintf("Reason: %s", p->timeline->reason);
	put_paragraph(p, "note", reason);
	put_paragraph(p, "note error", p->timeline->error);
	if (p->phases->count) {
		put_chart(p);
		return;
	}
	p->y += 40;
	put_text(p, MARGIN, p->y, "note", "start", "No phase of this update is known.");
	p->y += MARGIN;
}

int luctl_svg_print(FILE *f, const struct luctl_timeline *timeline,
		    const struct luctl_phases *phases)
{
	struct picture p = { .timeline = timeline, .phases = phases };
	_cleanup_free_ char *body = NULL;
	_cleanup_free_ bool *cut = NULL;
	_cleanup_free_ double *at = NULL;
	size_t size;
	int r;

	r = luctl_svg_scale(timeline, phases, &at, &cut);
	if (r < 0)
		return r;
	p.at = at;
	p.cut = cut;
	/* The height, which comes first in the document, is known when all is drawn. */
	p.f = open_memstream(&body, &size);
	if (!p.f)
		return -ENOMEM;
	put_body(&p);
	if (fclose(p.f) != 0 || p.bad)
		return -ENOMEM;
	fprintf(f,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" role=\"img\">\n"
		"<title>Timeline of a live update</title>\n<style>\n%s</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n%s</svg>\n",
		WIDTH, p.y, WIDTH, p.y, style, body);
	return fflush(f) == 0 ? 0 : -errno;
}
