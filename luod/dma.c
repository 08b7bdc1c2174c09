/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dma - see dma.h. */
#include "dma.h"

#include "liblu.h"
#include "limits.h"

void dma_clear(struct dma *dma)
{
	free(dma->hwpts);
	free(dma->buffers);
	*dma = (struct dma){};
}

struct hwpt *dma_find_hwpt(const struct dma *dma, uint64_t token)
{
	for (unsigned int i = 0; i < dma->n_hwpts; i++)
		if (dma->hwpts[i].token == token)
			return &dma->hwpts[i];
	return NULL;
}

int dma_add_hwpt(struct dma *dma, const struct hwpt *hwpt)
{
	struct hwpt *hwpts;

	if (dma_find_hwpt(dma, hwpt->token))
		return -EEXIST;
	if (dma->n_hwpts >= LIMIT_IOMMUFD_HWPTS)
		return -E2BIG;
	hwpts = reallocarray(dma->hwpts, dma->n_hwpts + 1, sizeof(*hwpts));
	if (!hwpts)
		return -ENOMEM;
	dma->hwpts = hwpts;
	dma->hwpts[dma->n_hwpts++] = *hwpt;
	return 0;
}

/* In the kernel the tokens of buffers are those of an IOAS. */
static bool buffer_exists(const struct dma *dma, const struct dma_buffer *buffer)
{
	for (unsigned int i = 0; i < dma->n_buffers; i++)
		if (dma->buffers[i].ioas_id == buffer->ioas_id &&
		    dma->buffers[i].token == buffer->token)
			return true;
	return false;
}

int dma_add_buffer(struct dma *dma, const struct dma_buffer *buffer)
{
	struct dma_buffer *buffers;

	if (buffer_exists(dma, buffer))
		return -EEXIST;
	if (dma->n_buffers >= LIMIT_IOMMUFD_BUFFERS)
		return -E2BIG;
	buffers = reallocarray(dma->buffers, dma->n_buffers + 1, sizeof(*buffers));
	if (!buffers)
		return -ENOMEM;
	dma->buffers = buffers;
	dma->buffers[dma->n_buffers++] = *buffer;
	return 0;
}

/* What the kernel's answers mean here (Documentation/userspace-api/liveupdate-dma.rst). */
static const struct {
	int error;
	const char *hwpt;
	const char *buffer;
} meanings[] = {
	{ -ENOTTY, "this kernel cannot preserve page tables", "this kernel cannot preserve them" },
	{ -ENOENT, "there is none of that id, or it is no paging HWPT",
	  "there is no such IOAS, or not all of it is mapped" },
	{ -EADDRINUSE, "another HWPT of the iommufd has that token",
	  "another buffer of the IOAS has that token" },
	{ -EOPNOTSUPP,
	  "it is a nesting parent, reports faults, or was made by attaching to an IOAS; allocate one "
	  "with IOMMU_HWPT_ALLOC",
	  "the kernel cannot declare it" },
	{ -EOVERFLOW, NULL, "it goes beyond the end of the address space" },
	{ -EBUSY, "the iommufd is preserved already", "the iommufd is preserved already" },
};

static const char *meaning(int error, bool hwpt)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		const char *text = hwpt ? meanings[i].hwpt : meanings[i].buffer;

		if (meanings[i].error == error && text)
			return text;
	}
	return strerror(-error);
}

int dma_mark(struct dma *dma, int iommufd, char **ret_why)
{
	int r;

	dma->marked = true;
	for (unsigned int i = 0; i < dma->n_hwpts; i++) {
		const struct hwpt *h = &dma->hwpts[i];

		r = lu_hwpt_mark(iommufd, h->id, h->token);
		if (r < 0) {
			*ret_why = strprintf("HWPT %u: %s", h->id, meaning(r, true));
			return r;
		}
	}
	for (unsigned int i = 0; i < dma->n_buffers; i++) {
		const struct dma_buffer *b = &dma->buffers[i];

		r = lu_ioas_preserve(iommufd, b->ioas_id, b->iova, b->length, b->token);
		if (r < 0) {
			*ret_why = strprintf("the DMA buffer at 0x%llx of IOAS %u: %s",
					     (unsigned long long)b->iova, b->ioas_id,
					     meaning(r, false));
			return r;
		}
	}
	return 0;
}

/* What is not marked, or not there any more, is as it should be; likewise where nothing can be. */
static bool is_unmarked(int r)
{
	return r >= 0 || r == -ENOENT || r == -ENOTTY || r == -EOPNOTSUPP;
}

int dma_unmark(struct dma *dma, int iommufd)
{
	int r;

	if (!dma->marked)
		return 0;
	for (unsigned int i = 0; i < dma->n_hwpts; i++) {
		r = lu_hwpt_unmark(iommufd, dma->hwpts[i].id);
		if (!is_unmarked(r))
			return r;
	}
	for (unsigned int i = 0; i < dma->n_buffers; i++) {
		r = lu_ioas_forget(iommufd, dma->buffers[i].ioas_id, dma->buffers[i].token);
		if (!is_unmarked(r))
			return r;
	}
	dma->marked = false;
	return 0;
}
