#!/bin/sh
# One-line texts with a label, as eight sites have them: the descriptions of the packages that apt knows of, each at the site
# of its maintainer. Writes site-0.svm ... site-7.svm and test.svm (libsvm) to a folder: hashed words and pairs of words.
# usage: prepare.sh FOLDER [BITS]: 2^BITS features (15)
set -eu
mkdir -p "$1"
apt-cache dumpavail | LC_ALL=C awk -v bits="${2:-15}" -v folder="$1" '
	BEGIN {
		buckets = 2 ^ bits
		for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i
		n = split("libs libdevel python perl haskell rust golang javascript java ruby gnu-r php ocaml lisp introspection cli-mono", s)
		for (i = 1; i <= n; i++) library[s[i]] = 1 # what is to be filtered out: libraries for programmers
	}
	function hash(text,  h, i) {
		h = 5381
		for (i = 1; i <= length(text); i++) h = (h * 33 + code[substr(text, i, 1)]) % 4294967296
		return h
	}
	function add(word,  k) {
		k = (hash(word) % 2147483647) % buckets + 1
		if (!(k in seen)) { seen[k] = 1; list[++count] = k }
	}
	function row(  n, word, i, j, k, line, v) {
		split("", seen); count = 0
		n = split(tolower(text), word, /[^a-z0-9]+/)
		for (i = 1; i <= n; i++) if (word[i] != "") {
			add(word[i])
			if (i > 1 && word[i - 1] != "") add(word[i - 1] " " word[i])
		}
		for (i = 2; i <= count; i++) { # indices ascend in a row
			k = list[i]
			for (j = i - 1; j >= 1 && list[j] > k; j--) list[j + 1] = list[j]
			list[j + 1] = k
		}
		v = sprintf("%.4f", 1 / sqrt(count))
		line = (section in library) ? "1" : "-1"
		for (i = 1; i <= count; i++) line = line " " list[i] ":" v
		return line
	}
	/^Maintainer: / { site = hash($0) % 8 }
	/^Description: / { text = substr($0, 14) }
	/^Section: / { section = $2; sub(/.*\//, "", section) }
	/^Package: / { package = $2 }
	/^$/ {
		if (text != "" && section != "")
			print row() > (folder "/" (hash(package) % 10 == 0 ? "test" : "site-" site) ".svm")
		text = section = ""
	}'
wc -l "$1"/*.svm
