#include "daemon/peer/net/host.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

bool sl_host_parse(struct sl_host *out, const char *text)
{
	char bare[64];
	struct sl_host v4 = { { 0 } };
	snprintf(bare, sizeof bare, "%.*s", (int)strcspn(text, "%"), text);
	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET6, bare, out->byte) == 1)
		return true;
	memcpy(v4.byte, mapped, sizeof mapped);
	if (inet_pton(AF_INET, bare, v4.byte + sizeof mapped) != 1)
		return false;
	*out = v4;
	return true;
}

bool sl_host_same(const struct sl_host *a, const struct sl_host *b)
{
	return memcmp(a->byte, b->byte, sizeof a->byte) == 0;
}

bool sl_host_none(const struct sl_host *host)
{
	static const struct sl_host none;
	return sl_host_same(host, &none);
}

bool sl_host_near(const struct sl_host *a, const struct sl_host *b)
{
	bool v4 = memcmp(a->byte, mapped, sizeof mapped) == 0;
	return memcmp(a->byte, b->byte, v4 ? sizeof a->byte : 8) == 0;
}
