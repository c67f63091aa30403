#include "daemon/run/keys.h"

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char key_prefix[] = "starling-key ed25519 ";
enum { PREFIX = sizeof key_prefix - 1, LINE = PREFIX + 2 * crypto_sign_SEEDBYTES + 1 };

_Static_assert(crypto_sign_PUBLICKEYBYTES == SL_KEY_BYTES &&
                   crypto_scalarmult_curve25519_BYTES == SL_KEY_BYTES,
               "both forms of a public key have the same size");
_Static_assert(sizeof((struct sl_identity){ 0 }.secret) == crypto_sign_SECRETKEYBYTES,
               "libsodium's secret key");

enum sl_status sl_keys_start(struct sl_error *error)
{
	return sodium_init() < 0 ? sl_fail(error, SL_IO, "libsodium found no source of random numbers")
	                         : SL_OK;
}

static void from_seed(struct sl_identity *out, const uint8_t seed[static crypto_sign_SEEDBYTES])
{
	crypto_sign_seed_keypair(out->public_key, out->secret, seed);
	crypto_sign_ed25519_sk_to_curve25519(out->curve_secret, out->secret);
	crypto_scalarmult_curve25519_base(out->curve_public, out->curve_secret);
}

/* Not in swap, nor in a core. A limit that is too low for it is no reason not to run. */
static void keep_in_memory(struct sl_identity *identity)
{
	(void)sodium_mlock(identity, sizeof *identity);
}

void sl_identity_make(struct sl_identity *out)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	keep_in_memory(out);
	randombytes_buf(seed, sizeof seed);
	from_seed(out, seed);
	sodium_memzero(seed, sizeof seed);
}

void sl_identity_wipe(struct sl_identity *identity)
{
	sodium_munlock(identity, sizeof *identity); /* and zeros it */
}

void sl_identity_noise(const struct sl_identity *identity, uint8_t out[static SL_KEY_BYTES])
{
	static const char purpose[] = "starling: secret of the noise of a peer's gradients";
	crypto_generichash(out, SL_KEY_BYTES, (const uint8_t *)purpose, sizeof purpose, identity->secret,
	                   crypto_sign_SEEDBYTES);
}

static bool write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

static bool sync_folder_of(const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Writes under another name, then links: the key appears complete or not at all, and never replaces another one. */
static enum sl_status create_durably(const char *path, const char *line, size_t length,
                                     struct sl_error *error)
{
	char temporary[4096];
	if (snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid()) >= (int)sizeof temporary)
		return sl_fail(error, SL_TOO_BIG, "%.200s…: the path is too long", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && write_all(fd, line, length) && fsync(fd) == 0;
	ok = ok && link(temporary, path) == 0 && sync_folder_of(path);
	int reason = errno;
	if (fd >= 0) {
		close(fd);
		unlink(temporary);
	}
	if (!ok && reason == EEXIST)
		return sl_fail(error, SL_REFUSED, "%s exists already; a key is never overwritten", path);
	return ok ? SL_OK : sl_fail(error, SL_IO, "%s: %s", path, strerror(reason));
}

enum sl_status sl_identity_write(const struct sl_identity *identity, const char *path, struct sl_error *error)
{
	char line[LINE + 1];
	uint8_t seed[crypto_sign_SEEDBYTES];
	crypto_sign_ed25519_sk_to_seed(seed, identity->secret);
	memcpy(line, key_prefix, PREFIX);
	sodium_bin2hex(line + PREFIX, 2 * sizeof seed + 1, seed, sizeof seed);
	line[LINE - 1] = '\n';
	enum sl_status status = create_durably(path, line, LINE, error);
	sodium_memzero(line, sizeof line);
	sodium_memzero(seed, sizeof seed);
	return status;
}

/* systemd protects its credentials folder itself; the modes there reflect access control lists. */
static bool is_credential(const char *path)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	size_t n = folder ? strlen(folder) : 0;
	return n > 0 && strncmp(path, folder, n) == 0 && path[n] == '/';
}

static enum sl_status check_access(int fd, const char *path, struct sl_error *error)
{
	struct stat about;
	if (fstat(fd, &about) != 0)
		return sl_fail(error, SL_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(about.st_mode))
		return sl_fail(error, SL_MALFORMED, "%s: not a regular file", path);
	if ((about.st_mode & 077) && !is_credential(path))
		return sl_fail(error, SL_REFUSED,
		               "%s: other users can read this secret key (mode %04o): chmod 600 it", path,
		               (unsigned)about.st_mode & 0777);
	return SL_OK;
}

static enum sl_status parse_line(struct sl_identity *out, const char *line, size_t length, const char *path,
                                 struct sl_error *error)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	size_t found = 0;
	bool good = length == LINE || (length == LINE - 1 && line[LINE - 2] != '\n');
	good = good && memcmp(line, key_prefix, PREFIX) == 0 && (length < LINE || line[LINE - 1] == '\n');
	good = good &&
	       sodium_hex2bin(seed, sizeof seed, line + PREFIX, 2 * sizeof seed, NULL, &found, NULL) == 0;
	if (!good || found != sizeof seed)
		return sl_fail(
		    error, SL_MALFORMED,
		    "%s: not a key; must be one line 'starling-key ed25519' and 64 hex digits, as `starling keygen` writes it",
		    path);
	from_seed(out, seed);
	sodium_memzero(seed, sizeof seed);
	return SL_OK;
}

static enum sl_status read_key(struct sl_identity *out, const char *path, bool guarded,
                               struct sl_error *error)
{
	char line[LINE + 1]; /* one byte more than a key has, to detect a longer file */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return sl_fail(error, errno == ENOENT ? SL_NOT_FOUND : SL_IO,
		               "%s: cannot read the identity key: %s", path, strerror(errno));
	enum sl_status status = guarded ? check_access(fd, path, error) : SL_OK;
	ssize_t length = status == SL_OK ? read(fd, line, sizeof line) : 0;
	if (length < 0)
		status = sl_fail(error, SL_IO, "%s: %s", path, strerror(errno));
	close(fd);
	if (status == SL_OK)
		status = parse_line(out, line, (size_t)length, path, error);
	sodium_memzero(line, sizeof line);
	return status;
}

enum sl_status sl_identity_read(struct sl_identity *out, const char *path, struct sl_error *error)
{
	return read_key(out, path, true, error);
}

enum sl_status sl_identity_destroy(const char *path, const uint8_t public_key[static SL_KEY_BYTES],
                                   bool *gone, struct sl_error *error)
{
	static const char blank[LINE];
	struct sl_identity found;
	*gone = false;
	if (read_key(&found, path, false, error) != SL_OK)
		return SL_OK;
	bool same = memcmp(found.public_key, public_key, SL_KEY_BYTES) == 0;
	sl_identity_wipe(&found);
	if (!same)
		return SL_OK;
	/* Some file systems write the blanks elsewhere; it costs nothing where they do not. */
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool ok = fd >= 0 && write_all(fd, blank, sizeof blank) && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	*gone = ok && unlink(path) == 0 && sync_folder_of(path);
	return *gone
	           ? SL_OK
	           : sl_fail(error, SL_IO, "%s: cannot remove the old secret key: %s", path, strerror(errno));
}

bool sl_key_to_curve(uint8_t curve[static SL_KEY_BYTES], const uint8_t public_key[static SL_KEY_BYTES])
{
	return crypto_sign_ed25519_pk_to_curve25519(curve, public_key) == 0;
}

void sl_key_print(const uint8_t key[static SL_KEY_BYTES], char hex[static SL_KEY_HEX])
{
	sodium_bin2hex(hex, SL_KEY_HEX, key, SL_KEY_BYTES);
}

bool sl_key_parse(const char *hex, uint8_t key[static SL_KEY_BYTES])
{
	size_t length = 0;
	return strlen(hex) == 2 * SL_KEY_BYTES &&
	       sodium_hex2bin(key, SL_KEY_BYTES, hex, 2 * SL_KEY_BYTES, NULL, &length, NULL) == 0 &&
	       length == SL_KEY_BYTES;
}

void sl_model_digest(const float *x, uint32_t dimension, char hex[static 65])
{
	crypto_generichash_state hash;
	uint8_t digest[32], bytes[4096];
	crypto_generichash_init(&hash, NULL, 0, sizeof digest);
	for (uint32_t at = 0; at < dimension;) {
		uint32_t n =
		    dimension - at < sizeof bytes / 4 ? dimension - at : (uint32_t)(sizeof bytes / 4);
		for (uint32_t i = 0; i < n; i++)
			sl_store_u32(bytes + 4 * (size_t)i, sl_float_bits(x[at + i]));
		crypto_generichash_update(&hash, bytes, 4 * (size_t)n);
		at += n;
	}
	crypto_generichash_final(&hash, digest, sizeof digest);
	sodium_bin2hex(hex, 65, digest, sizeof digest);
}
