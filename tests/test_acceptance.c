/* The quick ones of the acceptance experiments: `make acceptance` runs them all. */
#include "acceptance/experiments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>

void figure(const char *what, double measured, double least, double most, const char *reference)
{
	if (!(measured >= least && measured <= most))
		fail_msg("%s: %g, must be in %g ... %g (reference: %s)", what, measured, least, most,
		         reference);
}

#define TEST(name)                                                                                           \
	static void name(void **state)                                                                       \
	{                                                                                                    \
		(void)state;                                                                                 \
		experiment_##name();                                                                         \
	}
TEST(book)
TEST(biased)
TEST(shifted)
TEST(gossip)
TEST(quasi_global)
TEST(deepsqueeze)
TEST(estimators)
TEST(changing)
TEST(directed)
TEST(image_code)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(book),       cmocka_unit_test(biased),       cmocka_unit_test(shifted),
		cmocka_unit_test(gossip),     cmocka_unit_test(quasi_global), cmocka_unit_test(deepsqueeze),
		cmocka_unit_test(estimators), cmocka_unit_test(changing),     cmocka_unit_test(directed),
		cmocka_unit_test(image_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
