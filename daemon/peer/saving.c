#include "daemon/peer/saving.h"

#include "daemon/run/memory.h"
#include "daemon/run/model_file.h"

#include <stdlib.h>

void sl_saving_copy(struct sl_saving *s, const struct sl_peer *peer, const struct sl_kept *kept,
                    const struct sl_run *run, uint32_t number)
{
	struct sl_error error = { 0 };
	*s = (struct sl_saving){ .kept = *kept };
	s->kept.round = sl_peer_round(peer);
	size_t head = sl_kept_head(&s->kept);
	s->length = head + sl_peer_save(peer, NULL, NULL);
	s->bytes = sl_memory_buffer(s->length);
	if (s->bytes && sl_peer_save(peer, s->bytes + head, &error) == 0) {
		s->unsound = error;
		free(s->bytes);
		s->bytes = NULL;
	}
	if (s->bytes && run)
		s->model = sl_model_file_bytes(run, number, s->kept.round, sl_peer_model(peer),
		                               &s->model_length, &error);
}

bool sl_saving_hand_over(struct sl_saving *s, struct sl_store *store, int64_t wire_tx, int64_t wire_rx)
{
	uint8_t *bytes = s->bytes;
	if (!bytes)
		return false;
	s->kept.wire_tx = wire_tx;
	s->kept.wire_rx = wire_rx;
	sl_store_add_earlier(store, &s->kept.wire_tx, &s->kept.wire_rx);
	sl_kept_write(&s->kept, bytes);
	sl_store_model(store, s->model, s->model_length);
	s->bytes = s->model = NULL;
	if (sl_store_checkpoint(store, bytes, s->length))
		return true;
	free(bytes);
	return false;
}
