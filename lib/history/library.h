/* library.h — which SQLite this is: sqlite3.h stays inside this folder. */
#ifndef SL_HISTORY_LIBRARY_H
#define SL_HISTORY_LIBRARY_H

/* "3.40.1": of the library that is loaded. */
const char *sl_history_library(void);

#endif
