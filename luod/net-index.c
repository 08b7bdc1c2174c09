/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-index - see net-index.h. A table of places with open addressing, never more than half full, in
 * which each link is by its number and by each of its names; what is found there is compared with what
 * was asked for.
 */
#include "net-index.h"

#define WORTH 32

struct net_index {
	size_t n_links;	  /* so many are in it */
	size_t n, size;	  /* slots that are taken, and all: a power of 2 */
	uint32_t slots[]; /* the link's place and 1; 0: free */
};

static uint32_t hash_bytes(const void *data, size_t n)
{
	const uint8_t *bytes = data;
	uint32_t hash = 2166136261U; /* FNV-1a */

	while (n-- > 0)
		hash = (hash ^ *bytes++) * 16777619U;
	return hash;
}

static uint32_t hash_of(unsigned int number, const char *name)
{
	return name ? hash_bytes(name, strlen(name)) : hash_bytes(&number, sizeof(number));
}

static bool is_called(const struct net_link *link, const char *name)
{
	if (streq(link->name, name))
		return true;
	for (size_t i = 0; i < link->n_altnames; i++)
		if (streq(link->altnames[i], name))
			return true;
	return false;
}

static bool fits(const struct net_link *link, unsigned int number, const char *name)
{
	return name ? is_called(link, name) : link->index == number;
}

static struct net_link *scan(const struct net_namespace *ns, unsigned int number, const char *name)
{
	for (size_t i = 0; i < ns->n_links; i++)
		if (fits(ns->links[i], number, name))
			return ns->links[i];
	return NULL;
}

static void put(struct net_index *index, uint32_t hash, size_t place)
{
	size_t i = hash & (index->size - 1);

	while (index->slots[i])
		i = (i + 1) & (index->size - 1);
	index->slots[i] = (uint32_t)place + 1;
	index->n++;
}

static void put_link(struct net_index *index, const struct net_link *link, size_t place)
{
	put(index, hash_of(link->index, NULL), place);
	put(index, hash_of(0, link->name), place);
	for (size_t i = 0; i < link->n_altnames; i++)
		put(index, hash_of(0, link->altnames[i]), place);
}

static size_t slots_needed(const struct net_namespace *ns, size_t first)
{
	size_t n = 0;

	for (size_t i = first; i < ns->n_links; i++)
		n += 2 + ns->links[i]->n_altnames;
	return n;
}

/* Room for @n, and as many again: who adds one link adds another. */
static struct net_index *make(size_t n)
{
	struct net_index *index;
	size_t size = 64;

	while (size < 4 * n)
		size *= 2;
	index = calloc(1, sizeof(*index) + size * sizeof(*index->slots));
	if (index)
		index->size = size;
	return index;
}

/* NULL: there is none. */
static const struct net_index *up_to_date(struct net_namespace *ns)
{
	struct net_index *index = ns->index;
	size_t n = slots_needed(ns, index ? index->n_links : 0);

	if (index && 2 * (index->n + n) > index->size) {
		net_index_drop(ns);
		index = NULL;
		n = slots_needed(ns, 0);
	}
	if (!index)
		index = ns->index = make(n);
	for (; index && index->n_links < ns->n_links; index->n_links++)
		put_link(index, ns->links[index->n_links], index->n_links);
	return index;
}

void net_index_drop(struct net_namespace *ns)
{
	free(TAKE_PTR(ns->index));
}

struct net_link *net_index_find(const struct net_namespace *ns, unsigned int number,
				const char *name)
{
	/* It is no part of what a namespace is. */
	const struct net_index *index =
		ns->n_links < WORTH ? NULL : up_to_date((struct net_namespace *)ns);

	if (!index)
		return scan(ns, number, name);
	for (size_t i = hash_of(number, name) & (index->size - 1); index->slots[i];
	     i = (i + 1) & (index->size - 1)) {
		struct net_link *link = ns->links[index->slots[i] - 1];

		if (fits(link, number, name))
			return link;
	}
	return NULL;
}
