#include "daemon/run/model_file.h"

#include "base/bytes.h"
#include "daemon/run/keys.h"
#include "daemon/run/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char folder_name[] = "model";
/* A digest that is still to be computed: as long as one. */
static const char open_digest[] = "0000000000000000000000000000000000000000000000000000000000000000";

void sl_model_about_free(struct sl_model_about *about)
{
	free(about->classes);
	about->classes = NULL;
}

void sl_model_folder(const struct sl_config *config, char out[static 4096])
{
	sl_config_path(config, folder_name, true, out);
}

void sl_model_path(const struct sl_config *config, uint32_t peer, char out[static 4096])
{
	char name[64];
	snprintf(name, sizeof name, "%s/%u.safetensors", folder_name, peer);
	sl_config_path(config, name, true, out);
}

uint8_t *sl_model_file_make(const struct sl_layout *layout, const struct sl_model_about *about,
                            const float *x, size_t *length)
{
	char features[16], round[16];
	snprintf(features, sizeof features, "%u", about->features);
	snprintf(round, sizeof round, "%u", about->round);
	const char *text[] = { "model",     about->model,  "features",
		               features,    "classes",     about->classes ? about->classes : "",
		               "run",       about->run,    "peer",
		               about->peer, "round",       round,
		               "digest",    about->digest, NULL };
	size_t head = sl_safetensors_begin(layout, text, NULL);
	*length = head + layout->dimension * sizeof *x;
	uint8_t *bytes = sl_memory_buffer(*length);
	if (!bytes)
		return NULL;
	sl_safetensors_begin(layout, text, bytes);
	memcpy(bytes + head, x, layout->dimension * sizeof *x); /* little-endian machines only */
	return bytes;
}

enum sl_status sl_model_describe(struct sl_model_about *out, const struct sl_run *p, const char *peer,
                                 uint32_t round, struct sl_error *error)
{
	*out = (struct sl_model_about){ .features = p->plan.model.features, .round = round };
	snprintf(out->model, sizeof out->model, "%s", p->config.settings.method.model);
	snprintf(out->run, sizeof out->run, "%s", p->run_id);
	snprintf(out->peer, sizeof out->peer, "%s", peer);
	memcpy(out->digest, open_digest, sizeof open_digest);
	if (p->test.names)
		out->classes = strndup(p->test.names, p->test.names_length);
	else if (p->test.classes && asprintf(&out->classes, "0..%u", p->test.classes - 1) < 0)
		out->classes = NULL;
	return p->test.classes && !out->classes
	           ? sl_fail(error, SL_NO_MEMORY, "no memory for the names of classes")
	           : SL_OK;
}

uint8_t *sl_model_file_bytes(const struct sl_run *p, uint32_t peer, uint32_t round, const float *x,
                             size_t *length, struct sl_error *error)
{
	struct sl_model_about about;
	char name[16];
	uint8_t *bytes = NULL;
	snprintf(name, sizeof name, "%u", peer);
	if (sl_model_describe(&about, p, name, round, error) == SL_OK) {
		bytes = sl_model_file_make(&p->plan.model.layout, &about, x, length);
		if (!bytes)
			sl_fail(error, SL_NO_MEMORY, "no memory for a model's file");
	}
	sl_model_about_free(&about);
	return bytes;
}

void sl_model_file_seal(uint8_t *bytes, size_t length)
{
	enum { LENGTH = 8 }; /* of the header, in front of it */
	char key[16 + sizeof open_digest], digest[sizeof open_digest];
	size_t head = LENGTH + (size_t)sl_load_u64(bytes), before = strlen("\"digest\":\"");
	snprintf(key, sizeof key, "\"digest\":\"%s\"", open_digest); /* no text has a bare quote in it */
	uint8_t *at = memmem(bytes + LENGTH, head - LENGTH, key, strlen(key));
	SL_CHECK(at && (length - head) % sizeof(float) == 0 &&
	         (uintptr_t)(bytes + head) % sizeof(float) == 0);
	sl_model_digest((const float *)(const void *)(bytes + head),
	                (uint32_t)((length - head) / sizeof(float)), digest);
	memcpy(at + before, digest, strlen(digest));
}

enum sl_status sl_model_file_write(const struct sl_run *p, uint32_t peer, uint32_t round, const float *x,
                                   struct sl_error *error)
{
	char path[4096];
	size_t length;
	sl_model_folder(&p->config, path);
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return sl_fail(error, SL_IO, "cannot create %s: %s", path, strerror(errno));
	uint8_t *bytes = sl_model_file_bytes(p, peer, round, x, &length, error);
	if (!bytes)
		return error->status;
	sl_model_file_seal(bytes, length);
	sl_model_path(&p->config, peer, path);
	enum sl_status status = sl_file_replace(path, bytes, length, 0666, error);
	free(bytes);
	return status;
}

static enum sl_status load(const char *path, const struct sl_safetensors *file,
                           const struct sl_layout *layout, float **x, struct sl_error *error)
{
	*x = malloc(layout->dimension * sizeof **x);
	if (!*x)
		return sl_fail(error, SL_NO_MEMORY, "%s: no memory for %u numbers", path, layout->dimension);
	if (sl_safetensors_load(file, layout, *x, error) == SL_OK)
		return SL_OK;
	free(*x);
	*x = NULL;
	return sl_wrap(error, "%s", path);
}

static enum sl_status open_file(const char *path, struct sl_mapping *map, struct sl_safetensors *file,
                                struct sl_error *error)
{
	enum sl_status status = sl_file_map(map, path, error);
	if (status == SL_OK && sl_safetensors_open(file, map->bytes, map->length, error) != SL_OK) {
		sl_file_unmap(map);
		status = sl_wrap(error, "%s", path);
	}
	return status;
}

enum sl_status sl_model_start_read(const char *path, const struct sl_layout *layout, float **x,
                                   struct sl_error *error)
{
	struct sl_mapping map;
	struct sl_safetensors file;
	enum sl_status status = open_file(path, &map, &file, error);
	if (status != SL_OK)
		return status;
	status = load(path, &file, layout, x, error);
	sl_file_unmap(&map);
	return status;
}

/* A whole number of the metadata; 0 where there is none. */
static uint32_t whole(const struct sl_safetensors *file, const char *key)
{
	char text[16] = "";
	sl_safetensors_text(file, key, text, sizeof text);
	return (uint32_t)strtoul(text, NULL, 10);
}

static enum sl_status read_about(const struct sl_safetensors *file, bool outside,
                                 struct sl_model_about *about, uint32_t *classes, struct sl_error *error)
{
	static const char needed[] = "does not say of which model it is (metadata model, features, classes)";
	*about =
	    (struct sl_model_about){ .features = whole(file, "features"), .round = whole(file, "round") };
	size_t room = file->header_length + 1;
	if (!sl_safetensors_text(file, "model", about->model, sizeof about->model) ||
	    (about->features == 0 && !outside))
		return sl_fail(error, SL_MALFORMED, "%s", needed);
	sl_safetensors_text(file, "run", about->run, sizeof about->run);
	sl_safetensors_text(file, "peer", about->peer, sizeof about->peer);
	sl_safetensors_text(file, "digest", about->digest, sizeof about->digest);
	about->classes = malloc(room);
	if (!about->classes)
		return sl_fail(error, SL_NO_MEMORY, "no memory for its metadata");
	if (!sl_safetensors_text(file, "classes", about->classes, room))
		return sl_fail(error, SL_MALFORMED, "%s", needed);
	if (about->classes[0])
		return sl_classes_count(about->classes, strlen(about->classes), classes, error) == SL_OK
		           ? SL_OK
		           : sl_wrap(error, "metadata classes");
	sl_model_about_free(about);
	return SL_OK;
}

enum sl_status sl_model_file_read(const char *path, const struct sl_model_instance *outside,
                                  struct sl_model_about *about, struct sl_model_instance *model, float **x,
                                  struct sl_error *error)
{
	struct sl_mapping map;
	struct sl_safetensors file;
	uint32_t classes = 0;
	*about = (struct sl_model_about){ 0 };
	enum sl_status status = open_file(path, &map, &file, error);
	if (status != SL_OK)
		return status;
	status = read_about(&file, outside, about, &classes, error);
	if (status == SL_OK && outside)
		*model = *outside;
	else if (status == SL_OK)
		status = sl_model_make(model, about->model, about->features, classes, error);
	if (status != SL_OK)
		sl_wrap(error, "%s", path);
	else
		status = load(path, &file, &model->layout, x, error);
	if (status != SL_OK)
		sl_model_about_free(about);
	sl_file_unmap(&map);
	return status;
}
