/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log - see log.h. */
#include "log.h"

#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

static int log_level = LOG_INFO;
static char log_update_id[64];

void log_set_level(int level)
{
	log_level = level;
}

int log_get_level(void)
{
	return log_level;
}

void log_set_update_id(const char *id)
{
	snprintf(log_update_id, sizeof(log_update_id), "%s", strempty(id));
}

/* systemd tells its services where their stderr goes; only then is the journal the better sink. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static struct iovec field(char *buffer, size_t size, const char *name, const char *value)
{
	int n = snprintf(buffer, size, "%s=%s", name, value);
	size_t length = n < 0 ? 0 : (size_t)n;

	return (struct iovec){ .iov_base = buffer, .iov_len = length < size ? length : size - 1 };
}

static void to_journal(int level, const char *message_id, const char *file, const char *line,
		       const char *text)
{
	char buffer[7][2112], priority[2] = { (char)('0' + level), '\0' };
	struct iovec v[7];
	int n = 0;

	v[n] = field(buffer[n], sizeof(buffer[n]), "MESSAGE", text), n++;
	v[n] = field(buffer[n], sizeof(buffer[n]), "PRIORITY", priority), n++;
	v[n] = field(buffer[n], sizeof(buffer[n]), "CODE_FILE", file), n++;
	v[n] = field(buffer[n], sizeof(buffer[n]), "CODE_LINE", line), n++;
	v[n] = field(buffer[n], sizeof(buffer[n]), "SYSLOG_IDENTIFIER",
		     program_invocation_short_name),
	n++;
	if (message_id)
		v[n] = field(buffer[n], sizeof(buffer[n]), "MESSAGE_ID", message_id), n++;
	if (*log_update_id)
		v[n] = field(buffer[n], sizeof(buffer[n]), "LUOD_UPDATE_ID", log_update_id), n++;
	sd_journal_sendv(v, n);
}

int log_full(int level, int error, const char *message_id, const char *file, int line,
	     const char *format, ...)
{
	char text[2048], number[16];
	int saved = errno;
	va_list ap;

	if (level > log_level)
		return error;
	if (error)
		errno = -error;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);

	snprintf(number, sizeof(number), "%d", line);
	if (stderr_is_journal())
		to_journal(level, message_id, file, number, text);
	else
		fprintf(stderr, "<%d>%s: %s\n", level, program_invocation_short_name, text);
	errno = saved;
	return error;
}
