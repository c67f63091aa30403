/* How a host asks to take part, and what it gets: requests and bundles come back as they were written, and no byte of
 * either can be changed unnoticed. */
#include "base/random.h"
#include "daemon/run/bundle.h"
#include "daemon/run/files.h"
#include "daemon/run/request.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sl_error error;
static struct sl_identity identity;

static int in_folder(void **state)
{
	(void)state;
	folder_make();
	assert_int_equal(sl_keys_start(&error), SL_OK);
	sl_identity_make(&identity);
	return 0;
}

static int out_of_folder(void **state)
{
	(void)state;
	folder_remove();
	return 0;
}

static void a_request_comes_back(void **state)
{
	char line[SL_REQUEST_MOST];
	struct sl_request found;
	(void)state;
	assert_int_equal(sl_request_write(line, &identity, "site-c", "tcp://site-c.example:7000", &error),
	                 SL_OK);
	assert_int_equal(sl_request_parse(&found, line, strlen(line), "line", &error), SL_OK);
	assert_string_equal(found.name, "site-c");
	assert_string_equal(found.endpoint, "tcp://site-c.example:7000");
	assert_memory_equal(found.public_key, identity.public_key, SL_KEY_BYTES);
	strcat(line, "\r\n");
	assert_int_equal(sl_request_parse(&found, line, strlen(line), "line", &error), SL_OK);
}

/* Any other byte at any place, any shorter line, any longer one. */
static void no_byte_of_a_request_can_be_changed(void **state)
{
	char line[SL_REQUEST_MOST], changed[SL_REQUEST_MOST + 1];
	struct sl_request found;
	(void)state;
	assert_int_equal(sl_request_write(line, &identity, "c", "tcp://[::1]:7000", &error), SL_OK);
	size_t length = strlen(line);
	for (size_t i = 0; i < length; i++) {
		memcpy(changed, line, length);
		changed[i] ^= (char)(1 << i % 7);
		if (changed[i] != (line[i] ^ 0x20) ||
		    i < length - 200) /* hexadecimal digits have two cases */
			assert_int_not_equal(sl_request_parse(&found, changed, length, "line", &error),
			                     SL_OK);
		assert_int_not_equal(sl_request_parse(&found, line, i, "line", &error), SL_OK);
	}
	memcpy(changed, line, length);
	changed[length] = '0';
	assert_int_not_equal(sl_request_parse(&found, changed, length + 1, "line", &error), SL_OK);
}

static void names_and_endpoints_that_cannot_work_are_refused(void **state)
{
	static const char *const names[] = { "", "a b", "../x", ".x", "-x", "a/b", "a\nb", "a\x1b[2J" };
	char line[SL_REQUEST_MOST];
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(sl_request_write(line, &identity, names[i], "tcp://[::1]:1", &error),
		                 SL_OUT_OF_RANGE);
	assert_int_not_equal(sl_request_write(line, &identity, "a", "tcp://*:7000", &error), SL_OK);
}

static uint8_t content[SL_BUNDLE_FILES][700];

static struct sl_bundle draw(struct sl_random *random)
{
	struct sl_bundle b = { .peer = 3, .name = "site-c" };
	for (unsigned i = 0; i < SL_BUNDLE_FILES; i++) {
		if (i >= SL_BUNDLE_NEEDED && sl_random_u64(random) % 2)
			continue; /* a part that may be missing is */
		b.part[i] = (struct sl_bundle_part){ content[i], sl_random_u64(random) % sizeof content[i] };
		for (size_t k = 0; k < b.part[i].length; k++)
			content[i][k] = (uint8_t)sl_random_u64(random);
	}
	return b;
}

static void a_bundle_comes_back(void **state)
{
	struct sl_random random = sl_random_stream(1, 0, "bundles", 0);
	struct sl_bundle found;
	uint8_t *bytes;
	size_t length;
	(void)state;
	for (int round = 0; round < 30; round++) {
		struct sl_bundle b = draw(&random);
		assert_int_equal(sl_bundle_write(&b, folder_path("b"), &identity, &error), SL_OK);
		assert_int_equal(sl_file_read(folder_path("b"), 1 << 20, &bytes, &length, &error), SL_OK);
		assert_int_equal(sl_bundle_parse(&found, bytes, length, "b", &error), SL_OK);
		assert_int_equal(found.peer, 3);
		assert_string_equal(found.name, "site-c");
		assert_memory_equal(found.operator_key, identity.public_key, SL_KEY_BYTES);
		for (unsigned i = 0; i < SL_BUNDLE_FILES; i++) {
			assert_int_equal(found.part[i].length, b.part[i].length);
			assert_int_equal(found.part[i].bytes != NULL, b.part[i].bytes != NULL);
			if (!b.part[i].bytes)
				continue;
			assert_memory_equal(found.part[i].bytes, b.part[i].bytes, b.part[i].length);
		}
		free(bytes);
	}
}

static void no_byte_of_a_bundle_can_be_changed(void **state)
{
	struct sl_random random = sl_random_stream(2, 0, "bundles", 0);
	struct sl_bundle b = draw(&random), found;
	uint8_t *bytes;
	size_t length;
	(void)state;
	assert_int_equal(sl_bundle_write(&b, folder_path("b"), &identity, &error), SL_OK);
	assert_int_equal(sl_file_read(folder_path("b"), 1 << 20, &bytes, &length, &error), SL_OK);
	for (size_t i = 0; i < length - 130; i++) {
		uint8_t bit = (uint8_t)(1 << sl_random_u64(&random) % 8);
		bytes[i] ^= bit;
		assert_int_not_equal(sl_bundle_parse(&found, bytes, length, "b", &error), SL_OK);
		bytes[i] ^= bit;
	}
	for (size_t i = 0; i < length; i += 1 + i / 40)
		assert_int_not_equal(sl_bundle_parse(&found, bytes, i, "b", &error), SL_OK);
	assert_int_equal(sl_bundle_parse(&found, bytes, length, "b", &error), SL_OK);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_comes_back),
		cmocka_unit_test(no_byte_of_a_request_can_be_changed),
		cmocka_unit_test(names_and_endpoints_that_cannot_work_are_refused),
		cmocka_unit_test(a_bundle_comes_back),
		cmocka_unit_test(no_byte_of_a_bundle_can_be_changed),
	};
	return cmocka_run_group_tests(tests, in_folder, out_of_folder);
}
