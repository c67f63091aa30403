/* classes.h — the list of classes of a run ([data] classes): as a setting, from a file, from prepared data.
 */
#ifndef SL_DAEMON_RUN_CLASSES_H
#define SL_DAEMON_RUN_CLASSES_H

#include "gossip/settings.h"
#include "learn/dataset.h"

/* A list that owns its memory; count 0: none was declared, or targets are real. */
struct sl_class_list {
	char *text;
	struct sl_class_item *item;
	struct sl_classes classes;
};

/* Takes a copy of a text, canonical. Not freed before: `out` is overwritten. */
enum sl_status sl_class_list_make(struct sl_class_list *out, const char *text, size_t length,
                                  struct sl_error *error);
/* The list that a setting declares: as it stands there, or from file:PATH. auto and none give an empty one;
 * list:N:DIGEST cannot be turned back into names and is an error. */
enum sl_status sl_class_list_declared(struct sl_class_list *out, const char *setting, struct sl_error *error);
/* *list becomes its union with `names`. */
enum sl_status sl_class_list_add(struct sl_class_list *list, const char *names, size_t length,
                                 struct sl_error *error);
void sl_class_list_free(struct sl_class_list *);

/* How a list stands in run.conf: its canonical text where a line has room, else list:N:DIGEST; "none" for a
 * list of no classes. */
void sl_classes_setting(const char *text, size_t length, uint32_t count, char out[static SL_TEXT_MAX]);

/* Compares [data] classes with those of a prepared data set, and replaces auto by the latter. Data of version
 * 1 name no classes: the setting names them, or, unless [data] format says that they may be any, they are 0,
 * 1, … `path` is the data set's, for the error text, which begins with "[data] classes". */
enum sl_status sl_classes_check(char setting[static SL_TEXT_MAX], const char *format,
                                const struct sl_dataset *, const char *path, struct sl_error *error);

#endif
