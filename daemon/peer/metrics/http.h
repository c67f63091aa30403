/* http.h — reads a request for metrics: GET of one path, HTTP 1.0 or 1.1, at most SL_HTTP_REQUEST bytes, no
 * body. */
#ifndef SL_DAEMON_PEER_METRICS_HTTP_H
#define SL_DAEMON_PEER_METRICS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

enum { SL_HTTP_REQUEST = 4096 };

struct sl_http_request {
	int code;         /* 200, or why there is no answer: 400, 404, 405, 431, 505 */
	bool openmetrics; /* it accepts application/openmetrics-text */
};

/* What has come so far: up to SL_HTTP_REQUEST bytes, any of them. False: more must come. */
bool sl_http_read(struct sl_http_request *out, const char *bytes, size_t length);

/* The reason of a code, such as "Not Found". */
const char *sl_http_reason(int code);

#endif
