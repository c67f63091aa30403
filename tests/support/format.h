/* format.h — what every fuzzing target of a data format does with bytes. */
#ifndef SL_TESTS_SUPPORT_FORMAT_H
#define SL_TESTS_SUPPORT_FORMAT_H

#include "learn/dataset.h"

enum { FORMAT_STREAMS = 2 };

struct format_input {
	const void *options;  /* NULL: the defaults */
	bool of_test;         /* the files are of test data */
	const uint8_t *bytes; /* of all streams, one after the other */
	size_t end[FORMAT_STREAMS],
	    chunk;                        /* where each ends; how many bytes are pushed at once, at least 1 */
	uint32_t features;                /* asked for; 0: any */
	const struct sl_classes *classes; /* NULL: those of the files */
};

/* Reads the first `streams` of them. What comes of it must be a data set, or an error of one line. True: *data, within *block,
 * which the caller frees. */
bool format_read(const struct sl_data_format *, const struct format_input *, unsigned streams,
                 struct sl_dataset *data, uint8_t **block);

#endif
