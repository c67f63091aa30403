/* Feeds files to a fuzz target without a fuzzer: the corpus, again, in every build. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		uint8_t *bytes = malloc(1 << 20);
		if (!f || !bytes) {
			perror(argv[i]);
			return 1;
		}
		size_t length = fread(bytes, 1, 1 << 20, f);
		fclose(f);
		uint8_t *exact = realloc(bytes, length ? length : 1); /* so that a sanitizer sees the end */
		LLVMFuzzerTestOneInput(exact, length);
		free(exact);
	}
	printf("[       OK ] %d inputs\n", argc - 1);
	return 0;
}
