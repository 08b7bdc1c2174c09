/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * driver - stands in for libFuzzer in `make check`: every seed of a fuzzer is run once, under the
 * sanitizers, and reported as one TAP line. A finding of the sanitizers ends the program in the
 * middle of its plan, which tests/run-suites counts as failed and names the seed before it.
 *
 * The seeds are the files of $SRC/tests/fuzz/seeds/NAME, where the program is called seeds-NAME,
 * or the files given on the command line (to look into one find of libFuzzer).
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(int number, const char *path)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	uint8_t *data;
	size_t size;

	if (!f || fstat(fileno(f), &st) < 0) {
		printf("not ok %d - %s: %s\n", number, path, strerror(errno));
		if (f)
			fclose(f);
		return 1;
	}

	/* Exactly as long as the seed, so that a read past its end is seen. */
	data = malloc(st.st_size ? (size_t)st.st_size : 1);
	if (!data)
		abort();
	size = fread(data, 1, (size_t)st.st_size, f);
	fclose(f);

	printf("# %s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	printf("ok %d - %s\n", number, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	fflush(stdout);
	free(data);
	return 0;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int run_directory(const char *dir)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, visible, alphasort), failed = 0;

	if (n <= 0) {
		printf("not ok 1 - no seeds in %s\n", dir);
		return 1;
	}

	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		failed += run_file(i + 1, path);
		free(entries[i]);
	}
	free(entries);
	return failed;
}

int main(int argc, char **argv)
{
	static const char prefix[] = "seeds-";
	const char *src = getenv("SRC"), *name = program_invocation_short_name;
	char dir[4096];
	int failed = 0;

	if (argc > 1) {
		printf("1..%d\n", argc - 1);
		for (int i = 1; i < argc; i++)
			failed += run_file(i, argv[i]);
		return failed > 0;
	}

	if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
		name += sizeof(prefix) - 1;
	snprintf(dir, sizeof(dir), "%s/tests/fuzz/seeds/%s", src ? src : ".", name);
	return run_directory(dir) > 0;
}
