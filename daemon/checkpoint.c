/* checkpoint.c — checkpoint files: two generations, each whole or refused. */
#include "daemon/checkpoint.h"

#include "base/bytes.h"
#include "daemon/files.h"
#include "daemon/store.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SL_CHECKPOINT_VERSION = 1, SL_CHECKPOINT_HEADER = 32, SL_CHECKPOINT_HASH = 32 };
static const uint8_t magic[8] = { 'S', 'L', 'c', 'k', 'p', 't', '\r', '\n' };

static enum sl_status name_of(const char *stem, unsigned generation, char out[static PATH_MAX],
                              struct sl_error *error)
{
	int n = snprintf(out, PATH_MAX, "%s.%u", stem, generation);
	return n > 0 && n < PATH_MAX ? SL_OK : sl_fail(error, SL_TOO_BIG, "%s: path too long", stem);
}

/* Hash of header and state, which are not beside each other in memory. */
static void hash(const uint8_t *header, const uint8_t *bytes, size_t length,
                 uint8_t out[static SL_CHECKPOINT_HASH])
{
	crypto_generichash_state state;
	crypto_generichash_init(&state, NULL, 0, SL_CHECKPOINT_HASH);
	crypto_generichash_update(&state, header, SL_CHECKPOINT_HEADER);
	crypto_generichash_update(&state, bytes, length);
	crypto_generichash_final(&state, out, SL_CHECKPOINT_HASH);
}

/* What is wrong with a file, or NULL: then its number and its state are filled in. */
static const char *verify(const struct sl_mapping *file, uint64_t *number, struct sl_reader *state)
{
	struct sl_reader r = sl_reader(file->bytes, file->length);
	const uint8_t *found = sl_read_bytes(&r, sizeof magic);
	if (!found)
		return file->length ? "cut off" : "empty";
	if (memcmp(found, magic, sizeof magic) != 0)
		return "no checkpoint";
	uint32_t version = sl_read_u32(&r), zero = sl_read_u32(&r);
	*number = sl_read_u64(&r);
	uint64_t length = sl_read_u64(&r);
	if (r.failed)
		return "cut off";
	if (version != SL_CHECKPOINT_VERSION)
		return "of another version";
	size_t left = sl_reader_left(&r);
	if (left < SL_CHECKPOINT_HASH || length > left - SL_CHECKPOINT_HASH)
		return "cut off";
	*state = sl_read_part(&r, (size_t)length);
	found = sl_read_bytes(&r, SL_CHECKPOINT_HASH);
	uint8_t expected[SL_CHECKPOINT_HASH];
	hash(file->bytes, state->at, (size_t)length, expected);
	if (zero != 0 || *number == 0 || !sl_reader_done(&r) || memcmp(found, expected, sizeof expected) != 0)
		return "damaged";
	return NULL;
}

/* Both generations as they are on the disk. */
struct look {
	struct sl_mapping file[2];
	uint64_t number[2];
	struct sl_reader state[2];
	const char *wrong[2]; /* NULL: verifies */
	bool there[2];
	int newest; /* -1: none verifies */
	enum sl_status unread;
};

static enum sl_status look_at(const char *stem, struct look *look, struct sl_error *error)
{
	char path[PATH_MAX];
	*look = (struct look){ .newest = -1 };
	for (unsigned g = 0; g < 2; g++) {
		enum sl_status status = name_of(stem, g, path, error);
		if (status != SL_OK)
			return status;
		status = sl_file_map(&look->file[g], path, error);
		look->there[g] = status != SL_NOT_FOUND;
		if (status == SL_OK)
			look->wrong[g] = verify(&look->file[g], &look->number[g], &look->state[g]);
		else
			look->wrong[g] = look->there[g] ? "not readable" : "missing";
		if (look->there[g] && status != SL_OK)
			look->unread = status;
		if (!look->wrong[g] && (look->newest < 0 || look->number[g] > look->number[look->newest]))
			look->newest = (int)g;
	}
	return SL_OK;
}

static void look_away(struct look *look)
{
	sl_file_unmap(&look->file[0]);
	sl_file_unmap(&look->file[1]);
}

/* "generation 1, number 17; generation 0 is cut off" */
static void describe(const struct look *look, char which[static 64])
{
	size_t n = 0;
	which[0] = 0;
	if (look->newest >= 0)
		n = (size_t)snprintf(which, 64, "generation %d, number %llu", look->newest,
		                     (unsigned long long)look->number[look->newest]);
	for (int g = 0; g < 2; g++)
		if (look->there[g] && look->wrong[g] && n < 64)
			n += (size_t)snprintf(which + n, 64 - n, "%s%d is %s", n ? "; " : "generation ", g,
			                      look->wrong[g]);
}

enum sl_status sl_checkpoint_load(const char *stem, uint8_t **bytes, size_t *length, char which[static 64],
                                  struct sl_error *error)
{
	struct look look;
	*bytes = NULL;
	*length = 0;
	which[0] = 0;
	enum sl_status status = look_at(stem, &look, error);
	if (status != SL_OK)
		return status;
	describe(&look, which);
	if (look.newest < 0) {
		status = look.unread; /* its sentence is in `error`; SL_OK where there was nothing to read */
	} else {
		const struct sl_reader *state = &look.state[look.newest];
		*length = sl_reader_left(state);
		*bytes = malloc(*length + 1);
		if (*bytes)
			memcpy(*bytes, state->at, *length);
		else
			status = sl_fail(error, SL_NO_MEMORY, "%s: no memory for %zu bytes", stem, *length);
	}
	look_away(&look);
	return status;
}

/* The folder that could not be made at the start, when the disk was full or read-only. True: it is there now,
 * and was not. */
static bool make_folder(const char *path)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return false;
	*slash = '\0';
	return mkdir(folder, 0700) == 0;
}

enum sl_status sl_checkpoint_write(struct sl_checkpoint_files *files, const uint8_t *bytes, size_t length,
                                   struct sl_error *error)
{
	if (!files->looked) {
		struct look look;
		enum sl_status status = look_at(files->stem, &look, error);
		if (status != SL_OK)
			return status;
		files->newest = look.newest < 0 ? 0 : look.number[look.newest];
		files->next = look.newest == 0;
		files->looked = true;
		look_away(&look);
	}
	char path[PATH_MAX];
	enum sl_status status = name_of(files->stem, files->next, path, error);
	if (status != SL_OK)
		return status;
	uint8_t header[SL_CHECKPOINT_HEADER], end[SL_CHECKPOINT_HASH];
	struct sl_writer w = sl_writer(header, sizeof header);
	sl_write_bytes(&w, magic, sizeof magic);
	sl_write_u32(&w, SL_CHECKPOINT_VERSION);
	sl_write_u32(&w, 0);
	sl_write_u64(&w, files->newest + 1);
	sl_write_u64(&w, length);
	SL_CHECK(sl_writer_length(&w) == sizeof header);
	hash(header, bytes, length, end);
	const struct iovec parts[] = { { header, sizeof header },
		                       { (void *)(uintptr_t)bytes, length },
		                       { end, sizeof end } };
	status = sl_file_replace_parts(path, parts, 3, 0600, error);
	if (status != SL_OK && make_folder(path))
		status = sl_file_replace_parts(path, parts, 3, 0600, error);
	if (status == SL_OK) {
		files->newest++;
		files->next = !files->next;
	} else {
		files->looked = false; /* it may be there all the same, if only the folder's sync failed */
	}
	return status;
}
