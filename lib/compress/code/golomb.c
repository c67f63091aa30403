/* golomb — support and frequency: the run lengths of each symbol's support, rarest first, in Golomb codes
 * (after Woldemariam, Liu and Scaglione, arXiv 2309.05633, which MALCOM-PSGD uses).
 *
 * Body: the form, whichever is shortest, or nearly and faster: 0, 10 or 11.
 *   0    omega(m), m − 1 the number of distinct symbols, zero included where it occurs; for each, by
 *        falling count and, where counts are equal, rising zigzag: omega(zigzag + 1), omega(count + 1).
 *        Then, from the rarest symbol up to but without the most frequent, the runs before each of its
 *        places among the positions that are left, in Golomb codes whose parameter follows from how many
 *        are left and how many are marked; then its positions are struck out.
 *   10   omega(count), at most 512 and half of the domain; omega(least magnitude); four bits k; for each
 *        nonzero: the gap in a Golomb code, its sign, and magnitude − least with k low bits (Rice). For
 *        messages too short for a table. With a count above 512: four bits `low`; omega of three
 *        magnitudes, of classes 0 to 2, all others being of class 3; shares (tans.h) of tokens, 4·min(gap
 *        >> low, 3) + class; omega(bytes of stream 3 + 1); zeros up to a whole byte. Then four streams: 1
 *        signs, then zeros; 2 the low bits of gaps, eight nonzeros in `low` bytes, little-endian; 3 in
 *        order of nonzeros what is behind a token, in unary (zeros, then a one): (gap >> low) − 3, and the
 *        rank of a magnitude among those of class 3; then zeros; 4 zeros and a one, four states of nine
 *        bits; then for each nonzero what its state takes. For messages with many nonzeros, about half a
 *        percent longer; much the fastest.
 *   11   omega(count); omega(least magnitude); a prefix code (tokens.h) for gaps in precision 2; shares
 *        (tans.h) for magnitude − least in precision 3; from 2048 nonzeros on omega(bytes of stream 2 + 1);
 *        omega(bytes of stream 3 + 1); zeros up to a whole byte. Then four streams, each of whole bytes: 1
 *        the signs, then zeros; 2 the gaps of the first ⌊count/2⌋ nonzeros (empty below 2048) and 3 those
 *        of the others: the code of each and its low bits, then zeros; 4 zeros and a one, less than nine
 *        bits; two states of nine bits; then for each nonzero, the states taking turns, what its state
 *        takes and its low bits, up to the end, where both states are 0.
 *
 * Positions are not removed one by one. A binary tree over the symbols, ordered by rarity and split by count,
 * does it: on the way down, elements on the left keep their positions, and those on the right count only the
 * positions that the left does not use. This takes (entropy + 1) steps per element, independent of the dimension.
 */
#include "compress/stage.h"

#include "compress/bits.h"
#include "compress/gaps.h"
#include "compress/pairs.h"
#include "compress/rice.h"

enum {
	LARGEST = 32767,
	PATIENT_MAX = 1024, /* up to this number of nonzeros every form is tried */
};

/* Position and symbol of an element that is not the most frequent symbol. When encoding, `symbol` is its rank, 0 for
 * the rarest. */
struct element {
	uint32_t position, symbol;
};

struct golomb_scratch {
	struct element *element, *spare;
	uint64_t *order;  /* per distinct symbol: ~count << 32 | zigzag, sorted: the table */
	uint32_t *before; /* per rank: number of elements with a lower rank; one more entry at the end */
	uint32_t *count;  /* per zigzag; all zero between calls; then its rank */
	int32_t *symbol;  /* per rank */
	struct sl_gaps_scratch *gaps;
	struct sl_pairs_scratch *pairs;
	uint8_t *plan; /* of forms 10 and 11 */
	uint32_t distinct, domain;
};

static uint32_t distinct_most(uint32_t domain, uint32_t count_max, uint32_t symbol_max)
{
	uint64_t m = 2 * (uint64_t)symbol_max + 1, n = (uint64_t)count_max + 1;
	m = m < n ? m : n;
	return m < domain ? (uint32_t)m : domain;
}

/* Number of elements other than the most frequent symbol. If at most half of the domain can be nonzero, that symbol is
 * zero. */
static uint32_t elements_most(uint32_t domain, uint32_t count_max)
{
	return count_max <= domain / 2 ? count_max : domain;
}

static struct golomb_scratch *scratch_layout(void *base, uint32_t domain, uint32_t count_max,
                                             uint32_t symbol_max, size_t *size)
{
	struct sl_arena a = { .base = base, .capacity = SIZE_MAX };
	struct golomb_scratch *s = sl_arena_take(&a, 1, sizeof *s), made = { .domain = domain };
	made.count =
	    sl_arena_take(&a, 2 * (size_t)symbol_max + 1, sizeof *made.count); /* first: at a fixed place */
	uint32_t elements = elements_most(domain, count_max),
	         distinct = distinct_most(domain, count_max, symbol_max);
	made.element = sl_arena_take(&a, elements, sizeof *made.element);
	made.spare = sl_arena_take(&a, elements, sizeof *made.spare);
	made.order = sl_arena_take(&a, distinct, sizeof *made.order);
	made.before = sl_arena_take(&a, (size_t)distinct + 1, sizeof *made.before);
	made.symbol = sl_arena_take(&a, distinct, sizeof *made.symbol);
	made.gaps = sl_arena_take(&a, 1, sizeof *made.gaps);
	made.pairs = sl_arena_take(&a, 1, sizeof *made.pairs);
	size_t gaps = sl_gaps_room(count_max), pairs = sl_pairs_room(count_max);
	made.plan = sl_arena_take(&a, 1, gaps > pairs ? gaps : pairs);
	*size = a.used;
	if (s)
		*s = made;
	return s;
}

static size_t golomb_scratch(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max)
{
	(void)options;
	size_t size;
	scratch_layout(NULL, domain, count_max, symbol_max, &size);
	return size;
}

/* The runs of all symbols take at most log2 of the number of arrangements plus 3 bits per element: quotient and
 * terminator, rounding of the remainder and of the parameter. */
static size_t golomb_bound(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max)
{
	(void)options;
	if (count_max == 0)
		return SL_BITS_SLACK;
	uint64_t distinct = distinct_most(domain, count_max, symbol_max);
	uint64_t table = 64 + distinct * (sl_omega_length(2 * symbol_max + 1) + sl_omega_length(domain));
	uint64_t sparse = count_max * (sl_bit_length(3 * (uint64_t)domain / count_max) +
	                               sl_bit_length(2 * (uint64_t)symbol_max) + 3);
	uint64_t dense = domain * (uint64_t)(sl_bit_length(distinct) + 3);
	return (table +
	        (count_max <= domain / 2 || sparse > dense ? (sparse < dense ? sparse : dense) : dense)) /
	           8 +
	       1 + SL_BITS_SLACK;
}

/* Shell sort: the table is short, and qsort may allocate, which is not allowed here. */
static void sort_rising(uint64_t *a, uint32_t n)
{
	uint32_t gap = 1;
	while (gap < n / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3)
		for (uint32_t i = gap; i < n; i++) {
			uint64_t v = a[i];
			uint32_t j = i;
			for (; j >= gap && a[j - gap] > v; j -= gap)
				a[j] = a[j - gap];
			a[j] = v;
		}
}

static uint32_t count_of(uint64_t order)
{
	return ~(uint32_t)(order >> 32);
}

/* Makes the table of a message from the counts; count[] then holds the rank of each symbol. */
static void make_table(struct golomb_scratch *g, const struct sl_symbols *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		g->count[sl_zigzag(s->symbol[i])]++;
	g->count[0] = s->domain - s->count;
	uint32_t m = 0;
	for (uint32_t z = 0; z <= 2 * s->symbol_max; z++) {
		if (g->count[z])
			g->order[m++] = (uint64_t)~g->count[z] << 32 | z;
	}
	sort_rising(g->order, m);
	g->distinct = m;
	for (uint32_t i = 0; i < m; i++)
		g->count[(uint32_t)g->order[i]] = m - 1 - i;
}

/* Computes before[] from the table. */
static void count_up(struct golomb_scratch *g)
{
	uint32_t sum = 0;
	for (uint32_t rank = 0; rank < g->distinct; rank++) {
		uint64_t entry = g->order[g->distinct - 1 - rank];
		g->symbol[rank] = sl_unzigzag((uint32_t)entry);
		g->before[rank] = sum;
		sum += count_of(entry);
	}
	g->before[g->distinct] = sum;
}

/* Writes the elements in order of position; returns their number. */
static uint32_t make_elements(struct golomb_scratch *g, const struct sl_symbols *s)
{
	uint32_t most_frequent = g->distinct - 1, n = 0;
	if ((uint32_t)g->order[0] == 0) { /* zero */
		for (uint32_t i = 0; i < s->count; i++)
			g->element[i] = (struct element){ s->index[i], g->count[sl_zigzag(s->symbol[i])] };
		return s->count;
	}
	for (uint32_t at = 0, i = 0; at < s->domain; at++) {
		bool nonzero = i < s->count && s->index[i] == at;
		uint32_t rank = g->count[nonzero ? sl_zigzag(s->symbol[i]) : 0];
		i += nonzero;
		if (rank != most_frequent)
			g->element[n++] = (struct element){ at, rank };
	}
	return n;
}

/* Where to split the ranks low … high−1: as near as possible to half of their elements. */
static uint32_t middle_of(const struct golomb_scratch *g, uint32_t low, uint32_t high)
{
	uint32_t half = g->before[low] + (g->before[high] - g->before[low]) / 2;
	uint32_t first = low + 1, last = high - 1; /* the least middle with before[middle] ≥ half */
	while (first < last) {
		uint32_t m = (first + last) / 2;
		if (g->before[m] >= half)
			last = m;
		else
			first = m + 1;
	}
	if (first > low + 1 && half - g->before[first - 1] < g->before[first] - half)
		first--;
	return first;
}

static struct sl_golomb code_of_rank(const struct golomb_scratch *g, uint32_t rank)
{
	return sl_golomb_for(g->domain - g->before[rank], g->before[rank + 1] - g->before[rank]);
}

static void put_runs(const struct golomb_scratch *g, struct sl_bit_writer *b, uint32_t rank,
                     const struct element *e)
{
	struct sl_golomb code = code_of_rank(g, rank);
	uint32_t next = 0, n = g->before[rank + 1] - g->before[rank];
	for (uint32_t i = 0; i < n; i++) {
		sl_put_golomb(b, &code, e[i].position - next);
		next = e[i].position + 1;
	}
}

/* The elements e[] hold the ranks low … high−1, with positions among those that ranks below `low` do not use. */
static void put_tree(const struct golomb_scratch *g, struct sl_bit_writer *b, uint32_t low, uint32_t high,
                     struct element *e)
{
	if (high - low == 1) {
		put_runs(g, b, low, e);
		return;
	}
	uint32_t middle = middle_of(g, low, high), n = g->before[high] - g->before[low], left = 0;
	struct element *right = g->spare;
	for (uint32_t i = 0; i < n; i++) {
		struct element here = e[i];
		bool goes_left = here.symbol < middle;
		e[left] = here;
		right[i - left] = (struct element){ here.position - left, here.symbol };
		left += goes_left;
	}
	memcpy(e + left, right, (n - left) * sizeof *e);
	put_tree(g, b, low, middle, e);
	put_tree(g, b, middle, high, e + left);
}

static void put_table(const struct golomb_scratch *g, struct sl_bit_writer *b)
{
	sl_put_omega(b, g->distinct + 1);
	for (uint32_t i = 0; i < g->distinct; i++) {
		sl_put_omega(b, (uint32_t)g->order[i] + 1);
		sl_put_omega(b, count_of(g->order[i]) + 1);
	}
}

/* n·log2(whole/n) */
static double weight(uint32_t n, double whole)
{
	return n ? n * (log2(whole) - log2(n)) : 0;
}

/* Estimated bits of form 0: the entropy of positions, signs and magnitudes (taken as uniform within a token), and the
 * table. */
static double other_bits(const struct sl_symbols *s, const struct sl_gaps_plan *p)
{
	double n = s->count;
	double bits = weight(s->count, s->domain) + weight(s->domain - s->count, s->domain) +
	              weight(p->negative, n) + weight(s->count - p->negative, n);
	for (uint32_t t = 0; t < p->level.tokens; t++) {
		uint32_t count = p->levels[t], extra = sl_token_extra(t, SL_LEVEL_PRECISION);
		uint32_t magnitude = p->least + sl_token_base(t, SL_LEVEL_PRECISION), here = 2u << extra;
		here = here < count ? here : count;
		if (here)
			bits +=
			    weight(count, n) + (double)count * extra +
			    here * (sl_omega_length(2 * magnitude + 1) + sl_omega_length(count / here + 1));
	}
	return bits;
}

/* Whether to use form 11 without trying the others: it costs at most 1 % more. */
static bool good_enough(const struct sl_symbols *s, const struct sl_gaps_plan *p, size_t room)
{
	return s->count > PATIENT_MAX && p->bits / 8 + 1 + SL_BITS_SLACK <= room &&
	       (double)p->bits <= 1.01 * other_bits(s, p);
}

static uint64_t bits_since(const struct sl_bit_writer *b, const struct sl_bit_writer *start)
{
	return (uint64_t)(b->at - start->at) * 8 + b->fill - start->fill;
}

/* Writes form 0. */
static void put_supports(const struct sl_symbols *s, struct golomb_scratch *g, struct sl_bit_writer *b)
{
	make_table(g, s);
	count_up(g);
	uint32_t n = make_elements(g, s);
	memset(g->count, 0, (2 * (size_t)s->symbol_max + 1) * sizeof *g->count);
	sl_put_bits(b, 0, 1);
	put_table(g, b);
	if (n > 0)
		put_tree(g, b, 0, g->distinct - 1, g->element);
}

/* Form 10 for many nonzeros; false: it is not worth it. */
static bool put_pairs(const struct sl_symbols *s, struct golomb_scratch *g, size_t room,
                      struct sl_bit_writer *b)
{
	struct sl_pairs_plan p;
	if (!sl_pairs_plan(s, g->plan, &p))
		return false;
	sl_pairs_code(s, &p);
	if (p.bits / 8 + 1 + SL_BITS_SLACK > room)
		return false;
	sl_put_bits(b, 2, 2);
	sl_pairs_put(s, &p, b);
	return true;
}

static void golomb_encode(const void *options, const struct sl_symbols *s, struct sl_writer *writer,
                          void *scratch)
{
	(void)options;
	size_t size, room = (size_t)(writer->end - writer->at);
	struct golomb_scratch *g = scratch_layout(scratch, s->domain, s->count_max, s->symbol_max, &size);
	struct sl_bit_writer start = sl_bit_writer(writer), b = start;
	struct sl_gaps_plan p;
	struct sl_rice_plan f;
	if (put_pairs(s, g, room, &b)) {
		sl_bits_finish(&b, writer);
		return;
	}
	sl_gaps_plan(s, g->plan, &p);
	if (!good_enough(s, &p, room)) {
		put_supports(s, g, &b);
		uint64_t bits = bits_since(&b, &start);
		if (sl_rice_plan(s, &f) && 2 + f.bits < bits && 2 + f.bits <= p.bits) {
			b = start;
			sl_put_bits(&b, 2, 2);
			sl_rice_put(s, &f, &b);
			sl_bits_finish(&b, writer);
			return;
		}
		if (p.bits >= bits) {
			sl_bits_finish(&b, writer);
			return;
		}
		b = start;
	}
	sl_put_bits(&b, 3, 2);
	sl_gaps_put(s, &p, &b);
	sl_bits_finish(&b, writer);
}

/* Reads and checks the table: canonical order, each symbol once, counts that fill the domain. */
static bool get_table(struct golomb_scratch *g, const struct sl_symbols *s, struct sl_bit_reader *b)
{
	uint32_t m = sl_get_omega(b);
	if (m < 2 || m - 1 > distinct_most(s->domain, s->count_max, s->symbol_max))
		return false;
	g->distinct = m - 1;
	uint64_t sum = 0, previous = 0, zeros = 0;
	bool good = true;
	uint32_t seen = 0;
	for (; good && seen < g->distinct; seen++) {
		uint32_t zigzag = sl_get_omega(b) - 1, count = sl_get_omega(b) - 1;
		if (zigzag > 2 * s->symbol_max || count == 0 || count > s->domain || g->count[zigzag] ||
		    sl_bits_overrun(b))
			break;
		g->count[zigzag] = 1;
		g->order[seen] = (uint64_t)~count << 32 | zigzag;
		good = seen == 0 || g->order[seen] > previous;
		previous = g->order[seen];
		zeros = zigzag ? zeros : count;
		sum += count;
	}
	good = good && seen == g->distinct;
	for (uint32_t i = 0; i < seen; i++)
		g->count[(uint32_t)g->order[i]] = 0;
	return good && sum == s->domain && sum - zeros <= s->count_max && sum > zeros;
}

static bool get_runs(const struct golomb_scratch *g, struct sl_bit_reader *b, uint32_t rank,
                     struct element *e)
{
	struct sl_golomb code = code_of_rank(g, rank);
	uint32_t n = g->before[rank + 1] - g->before[rank], left = g->domain - g->before[rank];
	uint64_t next = 0;
	for (uint32_t i = 0; i < n; i++) {
		next += sl_get_golomb(b, &code);
		if (next >= left)
			return false;
		e[i] = (struct element){ (uint32_t)next, (uint32_t)g->symbol[rank] };
		next++;
	}
	return !sl_bits_overrun(b);
}

/* The way back up: positions of the right half are shifted past those of the left. */
static bool get_tree(const struct golomb_scratch *g, struct sl_bit_reader *b, uint32_t low, uint32_t high,
                     struct element *e)
{
	if (high - low == 1)
		return get_runs(g, b, low, e);
	uint32_t middle = middle_of(g, low, high);
	uint32_t lefts = g->before[middle] - g->before[low], n = g->before[high] - g->before[low];
	if (!get_tree(g, b, low, middle, e) || !get_tree(g, b, middle, high, e + lefts))
		return false;
	struct element *left = g->spare, *right = e + lefts;
	memcpy(left, e, lefts * sizeof *e);
	uint32_t i = 0, j = 0;
	while (i < lefts && j < n - lefts) {
		struct element shifted = { right[j].position + i, right[j].symbol };
		bool take_left = left[i].position <= shifted.position;
		e[i + j] = take_left ? left[i] : shifted;
		i += take_left;
		j += !take_left;
	}
	for (; j < n - lefts; j++)
		e[i + j].position = right[j].position + i, e[i + j].symbol = right[j].symbol;
	memcpy(e + i + j, left + i, (lefts - i) * sizeof *e);
	return true;
}

/* The nonzero symbols, from the elements: either the elements themselves, or zero is one of their symbols and the most
 * frequent symbol takes the other positions. */
static void take_elements(const struct golomb_scratch *g, struct sl_symbols *s, uint32_t n)
{
	int32_t rest = g->symbol[g->distinct - 1];
	s->count = 0;
	if (rest == 0) {
		for (; s->count < n; s->count++) {
			s->index[s->count] = g->element[s->count].position;
			s->symbol[s->count] = (int32_t)g->element[s->count].symbol;
		}
		return;
	}
	for (uint32_t at = 0, i = 0; at < s->domain; at++) {
		bool explicit_one = i < n && g->element[i].position == at;
		int32_t symbol = explicit_one ? (int32_t)g->element[i].symbol : rest;
		i += explicit_one;
		if (symbol != 0) {
			s->index[s->count] = at;
			s->symbol[s->count++] = symbol;
		}
	}
}

static bool golomb_decode(const void *options, struct sl_symbols *s, struct sl_reader body, void *scratch)
{
	(void)options;
	size_t size;
	struct golomb_scratch *g = scratch_layout(scratch, s->domain, s->count_max, s->symbol_max, &size);
	struct sl_bit_reader b = sl_bit_reader(body);
	if (sl_get_bits(&b, 1)) {
		if (sl_get_bits(&b, 1))
			return sl_gaps_get(s, &b, g->gaps);
		uint32_t count = sl_get_omega(&b);
		return count > SL_PAIRS_ABOVE ? sl_pairs_get(s, count, &b, g->pairs)
		                              : sl_rice_get(s, count, &b);
	}
	if (!get_table(g, s, &b))
		return false;
	count_up(g);
	uint32_t n = g->before[g->distinct - 1];
	if (n > elements_most(s->domain, s->count_max))
		return false;
	if (n > 0 && !get_tree(g, &b, 0, g->distinct - 1, g->element))
		return false;
	take_elements(g, s, n);
	return sl_bits_done(&b);
}

const struct sl_code sl_code_golomb = {
	.name = "golomb",
	.doc = "run lengths of each symbol's support, rarest first, in Golomb codes (MALCOM)",
	.examples = "golomb",
	.symbol_max = LARGEST,
	.bound = golomb_bound,
	.scratch = golomb_scratch,
	.encode = golomb_encode,
	.decode = golomb_decode,
};
