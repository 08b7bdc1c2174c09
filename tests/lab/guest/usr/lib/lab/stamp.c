// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The lab's clock: the time stamp counter, the one clock that goes on through a
 * kexec. Without an argument prints it; with "khz" prints its speed, measured
 * against CLOCK_MONOTONIC_RAW.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#define CALIBRATE_NS 100000000ULL

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static uint64_t measure_khz(void)
{
	uint64_t begin = now_ns(), tsc = __rdtsc(), end;

	do
		end = now_ns();
	while (end - begin < CALIBRATE_NS);
	return (__rdtsc() - tsc) * 1000000ULL / (end - begin);
}

int main(int argc, char *argv[])
{
	uint64_t value = __rdtsc();

	if (argc > 1 && strcmp(argv[1], "khz") == 0)
		value = measure_khz();
	return printf("%llu\n", (unsigned long long)value) < 0;
}
