/* npz.c — numpy's .npz: a ZIP archive of .npy arrays, stored as they are. */
#include "daemon/cli/model/model.h"

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { LOCAL = 30, CENTRAL = 46, END = 22, VERSION = 20, DATE = 0x21, ALIGN = 64 };

struct archive {
	struct sl_bytes *out;
	struct sl_bytes central;
	uint32_t members;
};

static void u16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)v;
	at[1] = (uint8_t)(v >> 8);
}

/* What both headers of a member share, from "version needed" to "extra length": 26 bytes. */
static void common(uint8_t *at, uint32_t crc, size_t size, size_t name)
{
	memset(at, 0, 26);
	u16(at, VERSION);
	u16(at + 8, DATE); /* 1 January 1980: the same bytes for the same model */
	sl_store_u32(at + 10, crc);
	sl_store_u32(at + 14, (uint32_t)size);
	sl_store_u32(at + 18, (uint32_t)size);
	u16(at + 22, (uint32_t)name);
}

static void member(struct archive *a, const char *name, const uint8_t *head, size_t head_length,
                   const void *data, size_t length)
{
	uint8_t local[LOCAL] = { 'P', 'K', 3, 4 }, central[CENTRAL] = { 'P', 'K', 1, 2, VERSION };
	size_t size = head_length + length, at = a->out->used, name_length = strlen(name);
	uint32_t crc = (uint32_t)crc32_z(crc32_z(0, head, head_length), data, length);
	if (size > UINT32_MAX || at > UINT32_MAX)
		a->out->failed = true;
	common(local + 4, crc, size, name_length);
	common(central + 6, crc, size, name_length);
	sl_store_u32(central + 42, (uint32_t)at);
	sl_bytes_add(a->out, local, LOCAL);
	sl_bytes_add(a->out, name, name_length);
	sl_bytes_add(a->out, head, head_length);
	sl_bytes_add(a->out, data, length);
	sl_bytes_add(&a->central, central, CENTRAL);
	sl_bytes_add(&a->central, name, name_length);
	a->members++;
}

/* The array `name`: little-endian, row-major. */
static void array(struct archive *a, const char *name, const char *type, uint32_t rank, const uint32_t *shape,
                  const void *data, size_t length)
{
	char head[256], member_name[300], dims[128] = "";
	size_t used = 0;
	for (uint32_t i = 0; i < rank; i++)
		used += (size_t)snprintf(dims + used, sizeof dims - used, "%u,%s", shape[i],
		                         i + 1 < rank ? " " : "");
	int text = snprintf(head + 10, sizeof head - 10,
	                    "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", type, dims);
	size_t total = (10 + (size_t)text + 1 + ALIGN - 1) / ALIGN * ALIGN;
	memcpy(head, "\x93NUMPY\x01\x00", 8);
	u16((uint8_t *)head + 8, (uint32_t)(total - 10));
	memset(head + 10 + text, ' ', total - 10 - (size_t)text);
	head[total - 1] = '\n';
	snprintf(member_name, sizeof member_name, "%.250s.npy", name);
	member(a, member_name, (const uint8_t *)head, total, data, length);
}

static void text_array(struct archive *a, const char *name, const char *text)
{
	char type[32];
	size_t length = strlen(text);
	snprintf(type, sizeof type, "|S%zu", length ? length : 1);
	array(a, name, type, 0, NULL, length ? text : "\0", length ? length : 1);
}

void sl_model_npz(struct sl_bytes *out, const struct sl_model_taken *t)
{
	struct archive a = { .out = out };
	const struct sl_layout *layout = &t->model.layout;
	for (uint32_t i = 0; i < layout->tensors; i++) {
		const struct sl_tensor *tensor = sl_layout_tensor(layout, i);
		uint32_t shape[SL_RANK_MAX], rank = sl_tensor_shape(tensor, shape);
		array(&a, tensor->name, "<f4", rank, shape, t->x + tensor->offset,
		      sl_tensor_size(tensor) * sizeof(float));
	}
	text_array(&a, "__model__", t->about.model);
	text_array(&a, "__classes__", t->about.classes ? t->about.classes : "");
	uint8_t end[END] = { 'P', 'K', 5, 6 };
	u16(end + 8, a.members);
	u16(end + 10, a.members);
	sl_store_u32(end + 12, (uint32_t)a.central.used);
	sl_store_u32(end + 16, (uint32_t)out->used);
	sl_bytes_add(out, a.central.bytes, a.central.used);
	sl_bytes_add(out, end, END);
	out->failed |= a.central.failed;
	free(a.central.bytes);
}
