/* limits.h — every limit that is not a setting, with its derivation. */
#ifndef SL_BASE_LIMITS_H
#define SL_BASE_LIMITS_H

/* A model has at most this many parameters: indices are uint32_t, and 4 bytes each must fit a size_t sum with
 * room. */
#define SL_DIMENSION_MAX (UINT32_C(1) << 28)
/* Neighbours of one peer: a complete graph of 256 peers; each costs a copy of the model. */
#define SL_DEGREE_MAX 255
/* Peers of a run: the simulator's hundred thousand, with room. */
#define SL_PEERS_MAX 131072
/* Exchanged vectors of an algorithm (BEER, MoTEF and ADIANA need two). */
#define SL_CHANNELS_MAX 2
/* Tensors of a model: recordings count them in two bytes. */
#define SL_TENSORS_MAX 65535
/* Buckets of the count sketch that a history row carries. */
#define SL_SKETCH_MAX 1024
/* Text of one setting, with the terminating NUL. */
#define SL_TEXT_MAX 192

#endif
