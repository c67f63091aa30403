/* keygen_command.c — starling keygen: makes an identity key, or prints the public half of one. */
#include "daemon/cli/command_line.h"
#include "daemon/run/keys.h"

static int make(const char *path, struct sl_error *error)
{
	struct sl_identity identity;
	char hex[SL_KEY_HEX];
	sl_identity_make(&identity);
	enum sl_status status = sl_identity_write(&identity, path, error);
	sl_key_print(identity.public_key, hex);
	sl_identity_wipe(&identity);
	if (status != SL_OK)
		return sl_command_fail(&sl_command_keygen, error);
	fprintf(stderr, "starling keygen: the secret key is in %s; its public key is\n", path);
	puts(hex);
	return SL_EXIT_OK;
}

static int show(const char *path, struct sl_error *error)
{
	struct sl_identity identity;
	char hex[SL_KEY_HEX];
	if (sl_identity_read(&identity, path, error) != SL_OK)
		return sl_command_fail(&sl_command_keygen, error);
	sl_key_print(identity.public_key, hex);
	sl_identity_wipe(&identity);
	puts(hex);
	return SL_EXIT_OK;
}

static int run(int argc, char **argv)
{
	static const struct option table[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "public", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *output = NULL, *public_of = NULL;
	struct sl_error error;
	optind = 0;
	for (int letter; (letter = sl_command_option(&sl_command_keygen, argc, argv, "o:h", table)) != -1;) {
		if (letter == '?')
			return SL_EXIT_MISUSE;
		if (letter == 'h')
			return sl_command_help(&sl_command_keygen);
		*(letter == 'o' ? &output : &public_of) = optarg;
	}
	if (optind < argc)
		return sl_command_misuse(&sl_command_keygen, "'%s' is one argument too many", argv[optind]);
	if (output && public_of)
		return sl_command_misuse(&sl_command_keygen,
		                         "--output makes a key, --public reads one: give one of them");
	if (sl_keys_start(&error) != SL_OK)
		return sl_command_fail(&sl_command_keygen, &error);
	return public_of ? show(public_of, &error) : make(output ? output : "identity.key", &error);
}

const struct sl_command sl_command_keygen = {
	"keygen", "keygen [-o FILE] | keygen --public FILE",
	"make an identity key, or print the public half of one",
	"Makes an Ed25519 identity key and prints its public key, the one that a roster lists. The file is readable by\n"
	"its owner alone and never replaces another.\n"
	"\n"
	"  -o, --output FILE   where to write it (identity.key)\n"
	"  --public FILE       print the public key of an existing file instead\n"
	"  --help              this text\n",
	run
};
