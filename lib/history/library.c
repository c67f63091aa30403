#include "history/library.h"

#include <sqlite3.h>

const char *sl_history_library(void)
{
	return sqlite3_libversion();
}
