# Eight files OUT0 to OUT7 of 1,000 rows of 14 one-hot groups, 123 features, in libsvm form; half of each is sorted by label. -v seed=N -v out=PREFIX.
# Whole numbers below 2^53 only: every awk makes the same rows.
function u() { state = (state * 48271) % 2147483647; return state / 2147483647 }
function normal(  i, s) { s = -6; for (i = 0; i < 12; i++) s += u(); return s }
BEGIN {
	state = seed * 7919 + 1; for (i = 0; i < 10; i++) u()
	for (k = 0; k < 123; k++) w[k] = normal()
	for (k = 0; k <= 14; k++) first[k] = int(k * 123 / 14)
	for (s = 0; s < 8000; s++) {
		z = 0; line = ""
		for (k = 0; k < 14; k++) {
			v = u(); at = first[k] + int(v * v * (first[k + 1] - first[k]))
			z += w[at]; line = line " " at + 1 ":1"
		}
		label[s] = u() < 1 / (1 + exp(-z)); row[s] = line
	}
	n = 0
	for (y = 0; y < 2; y++) for (s = 0; s < 4000; s++) if (label[s] == y) order[n++] = s
	for (s = 0; s < 8000; s++) {
		peer = s < 4000 ? int(s / 500) : int((s - 4000) / 500)
		at = s < 4000 ? order[s] : s
		print label[at] row[at] > (out peer)
	}
}
