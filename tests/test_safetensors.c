#include "learn/safetensors.h"
#include "base/bytes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* A file of a header as text, and numbers. */
static uint8_t *file_of(const char *header, const void *data, size_t data_length, size_t *length)
{
	size_t head = strlen(header);
	uint8_t *bytes = malloc(8 + head + data_length);
	sl_store_u64(bytes, head);
	memcpy(bytes + 8, header, head);
	if (data_length)
		memcpy(bytes + 8 + head, data, data_length);
	*length = 8 + head + data_length;
	return bytes;
}

static struct sl_layout layout_of(void)
{
	struct sl_layout layout = { 0 };
	assert_true(sl_layout_add(&layout, "w1", 2, 3, false) && sl_layout_add(&layout, "b1", 3, 1, true));
	return layout;
}

static void what_is_written_reads_back(void **state)
{
	(void)state;
	static const char *const text[] = { "model", "mlp:3", "classes", "a \"b\"\\,\xc3\xa9",
		                            "empty", "",      NULL };
	struct sl_layout layout = layout_of();
	float x[9] = { 1, -2.5f, 3e-30f, 4, 5, 6, 7, 8, 9 }, y[9];
	size_t head = sl_safetensors_begin(&layout, text, NULL), length = head + sizeof x;
	uint8_t *bytes = malloc(length);
	assert_int_equal(sl_safetensors_begin(&layout, text, bytes), head);
	assert_int_equal(head % 8, 0);
	memcpy(bytes + head, x, sizeof x);
	struct sl_safetensors file;
	struct sl_error error = { 0 };
	if (sl_safetensors_open(&file, bytes, length, &error) != SL_OK)
		fail_msg("%s", error.text);
	assert_int_equal(file.tensors, 2);
	assert_int_equal(sl_safetensors_load(&file, &layout, y, NULL), SL_OK);
	assert_memory_equal(x, y, sizeof x);
	char value[64];
	for (int i = 0; text[i]; i += 2) {
		assert_true(sl_safetensors_text(&file, text[i], value, sizeof value));
		assert_string_equal(value, text[i + 1]);
	}
	assert_false(sl_safetensors_text(&file, "other", value, sizeof value));
	assert_false(sl_safetensors_text(&file, "classes", value, 5)); /* no room */
	for (size_t cut = 0; cut < length; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		memcpy(copy, bytes, cut);
		assert_int_not_equal(sl_safetensors_open(&file, copy, cut, &error), SL_OK);
		free(copy);
	}
	free(bytes);
}

static void halves_become_floats(void **state)
{
	(void)state;
	struct sl_layout layout = { 0 };
	assert_true(sl_layout_add(&layout, "v", 5, 1, false));
	static const uint8_t half[10] = { 0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0xff, 0x7b, 0x00, 0x80 };
	static const float wanted[5] = { 1, -2, 0x1p-24f, 65504, 0 };
	static const uint8_t brain[10] = { 0x80, 0x3f, 0x00, 0xc0, 0x80, 0x7e, 0x00, 0x00, 0x00, 0x80 };
	static const float wide[5] = { 1, -2, 0x1p126f, 0, 0 };
	for (int i = 0; i < 2; i++) {
		char header[128];
		size_t length;
		float x[5];
		struct sl_safetensors file;
		snprintf(header, sizeof header,
		         "{\"v\": {\"shape\": [5, 1], \"dtype\":\"%s\",\"data_offsets\":[0,10]}}  \n",
		         i ? "BF16" : "F16");
		uint8_t *bytes = file_of(header, i ? brain : half, 10, &length);
		assert_int_equal(sl_safetensors_open(&file, bytes, length, NULL), SL_OK);
		assert_int_equal(sl_safetensors_load(&file, &layout, x, NULL), SL_OK);
		assert_memory_equal(x, i ? wide : wanted, sizeof x); /* −0 is 0 */
		free(bytes);
	}
}

/* Headers over 36 bytes of numbers, and what is said of them. */
static void wrong_files_are_explained(void **state)
{
	(void)state;
#define W "\"w1\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"
#define B "\"b1\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[24,36]}"
	static const struct {
		const char *header, *text;
	} wrong[] = {
		{ "", "byte 1 of the header: must begin with '{'" },
		{ " {" W "," B "}", "byte 1 of the header: must begin with '{'" },
		{ "{" W "," B, "must be '}'" },
		{ "{" W "," B "} x", "something follows" },
		{ "{" W "," B ",}", "must be '\"'" },
		{ "{" W " " B "}", "must be '}'" },
		{ "{" B "," W "}", "does not begin where the one before ends (0)" },
		{ "{" W "}", "the tensors take 24 bytes, the file has 36" },
		{ "{" W ",\"b1\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[24,40]}}",
		  "ends at 40, but the file has 36" },
		{ "{" W ",\"b1\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[28,40]}}",
		  "does not begin" },
		{ "{" W ",\"b1\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[28,36]}}",
		  "does not begin" },
		{ "{" W ",\"b1\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,36]}}",
		  "not as long as its shape" },
		{ "{" W ",\"b1\":{\"dtype\":\"F33\",\"shape\":[3],\"data_offsets\":[24,36]}}",
		  "a type that is not known" },
		{ "{" W ",\"b1\":{\"dtype\":\"F32\",\"shape\":[03],\"data_offsets\":[24,36]}}",
		  "must be a whole number" },
		{ "{" W ",\"b1\":{\"dtype\":\"F32\",\"shape\":[-3],\"data_offsets\":[24,36]}}",
		  "must be a whole number" },
		{ "{" W
		  ",\"b1\":{\"dtype\":\"F32\",\"shape\":[18446744073709551615,18446744073709551615],\"data_offsets\":[24,36]}}",
		  "a number over" },
		{ "{" W
		  ",\"b1\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[24,24]}}",
		  "not as long as its shape" },
		{ "{" W
		  ",\"b1\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[24,36]}}",
		  "each once" },
		{ "{" W ",\"b1\":{\"dtype\":\"F32\",\"shape\":[3]}}",
		  "lacks its dtype, shape or data_offsets" },
		{ "{" W ",\"\\u0062\":{}}", "has escapes" },
		{ "{" W ",\"b\t\":{}}", "a control character" },
		{ "{" W ",\"b\\x\":{}}", "an escape that is none" },
		{ "{\"__metadata__\":{\"a\":1}," W "," B "}", "must be '\"'" },
		{ "{\"__metadata__\":{},\"__metadata__\":{}," W "," B "}", "metadata for the second time" },
		/* whole files that do not fit */
		{ "{" W ",\"b2\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[24,36]}}",
		  "tensor 'b2' is not one of the model's, which begin with 'w1'" },
		{ "{\"w1\":{\"dtype\":\"F32\",\"shape\":[3,3],\"data_offsets\":[0,36]}}",
		  "tensor 'w1' has shape [3, 3], must have [2, 3]" },
		{ "{" W ",\"b1\":{\"dtype\":\"I32\",\"shape\":[3],\"data_offsets\":[24,36]}}",
		  "tensor 'b1' holds no floats" },
		{ "{" W ",\"b1\":{\"dtype\":\"F16\",\"shape\":[6],\"data_offsets\":[24,36]}}",
		  "tensor 'b1' has shape [6], must have [3]" },
	};
	struct sl_layout layout = layout_of();
	static const float numbers[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct sl_safetensors file;
		struct sl_error error = { 0 };
		size_t length;
		float x[9];
		uint8_t *bytes = file_of(wrong[i].header, numbers, sizeof numbers, &length);
		enum sl_status status = sl_safetensors_open(&file, bytes, length, &error);
		if (status == SL_OK)
			status = sl_safetensors_load(&file, &layout, x, &error);
		if (status == SL_OK || !strstr(error.text, wrong[i].text))
			fail_msg("%s: %s", wrong[i].header, error.text);
		free(bytes);
	}
}

static enum sl_status load(const char *header, const float *numbers, size_t bytes_of_numbers,
                           struct sl_error *error)
{
	struct sl_layout layout = layout_of();
	struct sl_safetensors file;
	size_t length;
	float x[9];
	uint8_t *bytes = file_of(header, numbers, bytes_of_numbers, &length);
	enum sl_status status = sl_safetensors_open(&file, bytes, length, error);
	if (status == SL_OK)
		status = sl_safetensors_load(&file, &layout, x, error);
	free(bytes);
	return status;
}

static void values_must_be_finite_and_tensors_once(void **state)
{
	(void)state;
	struct sl_error error;
	float numbers[15] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	assert_int_equal(load("{" W "," B "}", numbers, 36, &error), SL_OK);
	numbers[7] = NAN;
	assert_int_equal(load("{" W "," B "}", numbers, 36, &error), SL_OUT_OF_RANGE);
	assert_non_null(strstr(error.text, "tensor 'b1': number 2 is"));
	numbers[7] = 1;
	assert_int_equal(load("{" W "}", numbers, 24, &error), SL_NOT_FOUND);
	assert_string_equal(error.text, "tensor 'b1' is missing");
	assert_int_equal(load("{" W "," B
	                      ",\"w1\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[36,60]}}",
	                      numbers, 60, &error),
	                 SL_OUT_OF_RANGE);
	assert_non_null(strstr(error.text, "one comes twice"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(halves_become_floats),
		cmocka_unit_test(wrong_files_are_explained),
		cmocka_unit_test(values_must_be_finite_and_tensors_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
