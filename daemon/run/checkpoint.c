/* checkpoint.c — checkpoint files: two generations, each whole or refused. */
#include "daemon/run/checkpoint.h"

#include "base/bytes.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SL_CHECKPOINT_VERSION = 1, SL_CHECKPOINT_HEADER = 32, SL_CHECKPOINT_HASH = 32 };
static const uint8_t magic[8] = { 'S', 'L', 'c', 'k', 'p', 't', '\r', '\n' };

static enum sl_status name_of(const char *stem, unsigned generation, char out[static PATH_MAX],
                              struct sl_error *error)
{
	int n = snprintf(out, PATH_MAX, "%s.%u", stem, generation);
	return n > 0 && n < PATH_MAX ? SL_OK : sl_fail(error, SL_TOO_BIG, "%s: path too long", stem);
}

/* Hash of header and state, which are not contiguous in memory. */
static void hash(const uint8_t *header, const uint8_t *bytes, size_t length,
                 uint8_t out[static SL_CHECKPOINT_HASH])
{
	crypto_generichash_state state;
	crypto_generichash_init(&state, NULL, 0, SL_CHECKPOINT_HASH);
	crypto_generichash_update(&state, header, SL_CHECKPOINT_HEADER);
	crypto_generichash_update(&state, bytes, length);
	crypto_generichash_final(&state, out, SL_CHECKPOINT_HASH);
}

/* Returns what is wrong with a file; NULL: nothing, and its number and state are filled in. */
static const char *verify(const struct sl_mapping *file, uint64_t *number, struct sl_reader *state)
{
	*number = 0;
	struct sl_reader r = sl_reader(file->bytes, file->length);
	const uint8_t *found = sl_read_bytes(&r, sizeof magic);
	if (!found)
		return file->length ? "is truncated" : "is empty";
	if (memcmp(found, magic, sizeof magic) != 0)
		return "is not a checkpoint";
	uint32_t version = sl_read_u32(&r), zero = sl_read_u32(&r);
	uint64_t found_number = sl_read_u64(&r), length = sl_read_u64(&r);
	if (r.failed)
		return "is truncated";
	if (version != SL_CHECKPOINT_VERSION)
		return "has another format version";
	size_t left = sl_reader_left(&r);
	if (left < SL_CHECKPOINT_HASH || length > left - SL_CHECKPOINT_HASH)
		return "is truncated";
	*state = sl_read_part(&r, (size_t)length);
	found = sl_read_bytes(&r, SL_CHECKPOINT_HASH);
	uint8_t expected[SL_CHECKPOINT_HASH];
	hash(file->bytes, state->at, (size_t)length, expected);
	if (zero != 0 || found_number == 0 || !sl_reader_done(&r) ||
	    memcmp(found, expected, sizeof expected) != 0)
		return "is damaged";
	*number = found_number;
	return NULL;
}

static void look_at(const char *path, struct sl_mapping *file, struct sl_generation *g)
{
	struct sl_error error = { 0 };
	struct sl_reader state;
	enum sl_status status = sl_file_map(file, path, &error);
	*g = (struct sl_generation){ .there = status != SL_NOT_FOUND };
	if (!g->there)
		return;
	if (status != SL_OK) {
		snprintf(g->wrong, sizeof g->wrong, "cannot be read: %.*s", (int)sizeof g->wrong - 24,
		         error.text);
		return;
	}
	const char *wrong = verify(file, &g->version, &state);
	if (wrong) {
		snprintf(g->wrong, sizeof g->wrong, "%s", wrong);
		return;
	}
	g->state = state.at;
	g->length = sl_reader_left(&state);
}

enum sl_status sl_checkpoint_open(const char *stem, struct sl_checkpoint_pair *pair, struct sl_error *error)
{
	char path[PATH_MAX];
	*pair = (struct sl_checkpoint_pair){ 0 };
	for (unsigned g = 0; g < 2; g++) {
		enum sl_status status = name_of(stem, g, path, error);
		if (status != SL_OK)
			return status;
		look_at(path, &pair->file[g], &pair->generation[g]);
	}
	return SL_OK;
}

void sl_checkpoint_close(struct sl_checkpoint_pair *pair)
{
	sl_file_unmap(&pair->file[0]);
	sl_file_unmap(&pair->file[1]);
}

/* Calls back with the number of each file STEM.aside-N. */
static void each_aside(const char *stem, void (*found)(void *, unsigned long), void *context)
{
	const char *slash = strrchr(stem, '/'), *base = slash ? slash + 1 : stem;
	char folder[PATH_MAX], prefix[PATH_MAX];
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - stem + 1) : 1, slash ? stem : ".");
	size_t n = (size_t)snprintf(prefix, sizeof prefix, "%s.aside-", base);
	DIR *d = opendir(folder);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
		char *end;
		unsigned long number =
		    strncmp(e->d_name, prefix, n) == 0 ? strtoul(e->d_name + n, &end, 10) : 0;
		if (number > 0 && !*end)
			found(context, number);
	}
	if (d)
		closedir(d);
}

static void note_highest(void *context, unsigned long number)
{
	unsigned long *highest = context;
	*highest = number > *highest ? number : *highest;
}

struct removal {
	const char *stem;
	unsigned long upto;
};

static void remove_old(void *context, unsigned long number)
{
	const struct removal *r = context;
	char path[PATH_MAX];
	if (number <= r->upto && snprintf(path, sizeof path, "%s.aside-%lu", r->stem, number) < PATH_MAX)
		unlink(path);
}

enum sl_status sl_checkpoint_set_aside(const char *stem, unsigned generation, char aside[static PATH_MAX],
                                       struct sl_error *error)
{
	char path[PATH_MAX];
	unsigned long highest = 0;
	enum sl_status status = name_of(stem, generation, path, error);
	if (status != SL_OK)
		return status;
	each_aside(stem, note_highest, &highest);
	int n = snprintf(aside, PATH_MAX, "%s.aside-%lu", stem, highest + 1);
	if (n < 0 || n >= PATH_MAX)
		return sl_fail(error, SL_TOO_BIG, "%s: path too long", stem);
	if (rename(path, aside) != 0)
		return sl_fail(error, SL_IO, "%s: cannot be kept as %s: %s", path, aside, strerror(errno));
	if (highest + 1 > SL_CHECKPOINT_ASIDE) {
		struct removal old = { stem, highest + 1 - SL_CHECKPOINT_ASIDE };
		each_aside(stem, remove_old, &old);
	}
	return SL_OK;
}

/* Creates the folder if that failed at the start, when the disk was full or read-only. True: it was created now. */
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

/* Selects the generation to replace: an unusable one if there is one, else the older one. */
static void choose(struct sl_checkpoint_files *files, const struct sl_generation *g)
{
	bool usable[2];
	files->newest = g[0].version > g[1].version ? g[0].version : g[1].version;
	for (int i = 0; i < 2; i++)
		usable[i] = g[i].there && !g[i].wrong[0] && !files->refused[i];
	if (usable[0] != usable[1])
		files->next = usable[0];
	else if (usable[0])
		files->next = g[0].version > g[1].version;
	else
		files->next = g[0].there && !g[1].there;
}

/* Reads the existing files, and moves one that is not ours aside before a new one replaces it. */
static enum sl_status make_room(struct sl_checkpoint_files *files, struct sl_error *error)
{
	struct sl_checkpoint_pair pair;
	char aside[PATH_MAX];
	enum sl_status status = sl_checkpoint_open(files->stem, &pair, error);
	if (status != SL_OK)
		return status;
	choose(files, pair.generation);
	const struct sl_generation *g = &pair.generation[files->next];
	bool keep = g->there && (g->wrong[0] || files->refused[files->next]);
	if (keep)
		status = sl_checkpoint_set_aside(files->stem, files->next, aside, error);
	if (keep && status == SL_OK)
		sl_log(SL_LEVEL_NOTICE, "checkpoint: %s.%u could not be used and is kept as %s", files->stem,
		       files->next, aside);
	/* A second such file is moved later, when its generation is to be replaced. */
	if (status == SL_OK)
		files->refused[files->next] = false;
	files->looked =
	    status == SL_OK && !files->refused[!files->next] && !pair.generation[!files->next].wrong[0];
	sl_checkpoint_close(&pair);
	return status;
}

static enum sl_status replace(const struct sl_checkpoint_files *files, const uint8_t *bytes, size_t length,
                              struct sl_error *error)
{
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
	return status;
}

enum sl_status sl_checkpoint_write(struct sl_checkpoint_files *files, const uint8_t *bytes, size_t length,
                                   struct sl_error *error)
{
	enum sl_status status = files->looked ? SL_OK : make_room(files, error);
	if (status == SL_OK)
		status = replace(files, bytes, length, error);
	if (status != SL_OK) {
		files->looked = false; /* the file may exist even so, if only the sync of the folder failed */
		return status;
	}
	files->newest++;
	files->next = !files->next;
	return SL_OK;
}
