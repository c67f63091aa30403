/* reader.h — shared by the readers of foreign formats. */
#ifndef SL_LEARN_READER_H
#define SL_LEARN_READER_H

#include "learn/dataset.h"
#include "learn/growing.h"

/* Writes the whole of `data` as a new prepared block, which the caller frees with free(). */
enum sl_status sl_reader_prepare(const struct sl_dataset *data, uint8_t **block, size_t *length,
                                 struct sl_error *error);

/* The list of classes that a survey found, parsed; the caller frees `item`. */
struct sl_reader_classes {
	struct sl_class_item *item;
	struct sl_classes list;
};
/* Points *classes at it; NULL where the survey found real targets. */
enum sl_status sl_reader_classes(struct sl_reader_classes *out, const struct sl_survey *,
                                 const struct sl_classes **classes, struct sl_error *error);

/* Copies a file's name for later error texts. */
void sl_reader_name(char name[SL_TEXT_MAX], const char *what);

#endif
