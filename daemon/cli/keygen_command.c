/* keygen_command.c — starling keygen: creates an identity key, or prints the public key of one. */
#include "daemon/cli/common/command_line.h"
#include "daemon/run/keys.h"

#define DEFAULT_FILE "identity.key"

static void say(const char *path, const char *hex, bool json)
{
	if (json)
		sl_json_object(stdout, (const struct sl_json_fact[]){
		                           { "file", path }, { "public_key", hex }, { NULL } });
	else
		puts(hex);
}

static int make(const char *path, bool json, struct sl_error *error)
{
	struct sl_identity identity;
	char hex[SL_KEY_HEX];
	sl_identity_make(&identity);
	enum sl_status status = sl_identity_write(&identity, path, error);
	sl_key_print(identity.public_key, hex);
	sl_identity_wipe(&identity);
	if (status != SL_OK)
		return sl_command_fail(&sl_command_keygen, error);
	if (!json)
		fprintf(stderr, "starling keygen: the secret key is in %s; its public key is\n", path);
	say(path, hex, json);
	return SL_EXIT_OK;
}

static int show(const char *path, bool json, struct sl_error *error)
{
	struct sl_identity identity;
	char hex[SL_KEY_HEX];
	if (sl_identity_read(&identity, path, error) != SL_OK)
		return sl_command_fail(&sl_command_keygen, error);
	sl_key_print(identity.public_key, hex);
	sl_identity_wipe(&identity);
	say(path, hex, json);
	return SL_EXIT_OK;
}

struct request {
	const char *output, *public_of;
	bool json;
};

static int run(int argc, char **argv)
{
	struct request request = { 0 };
	struct sl_error error;
	char **operands;
	int code = sl_command_parse(&sl_command_keygen, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	if (request.output && request.public_of)
		return sl_command_misuse(
		    &sl_command_keygen,
		    "--output creates a key and --public reads one: they cannot be used together");
	if (sl_keys_start(&error) != SL_OK)
		return sl_command_fail(&sl_command_keygen, &error);
	return request.public_of ? show(request.public_of, request.json, &error)
	                         : make(request.output ? request.output : DEFAULT_FILE, request.json, &error);
}

static const struct sl_argument arguments_of_keygen[] = {
	{ .option = { "output", "write the key to FILE; without it, to " DEFAULT_FILE, SL_OPTION_BORROWED,
	              offsetof(struct request, output), .completes = SL_COMPLETE_FILE },
	  .letter = 'o',
	  .value = "FILE" },
	{ .option = { "public", "print the public key of an existing key file", SL_OPTION_BORROWED,
	              offsetof(struct request, public_of), .completes = SL_COMPLETE_FILE },
	  .value = "FILE" },
	SL_ARGUMENT_JSON(struct request, json, "print JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_keygen = {
	"keygen",
	{ .program = "starling keygen",
	  .doc = "create an identity key, or print the public key of one",
	  .forms = (const char *const[]){ "[-o FILE]", "--public FILE", NULL },
	  .text =
	      "Creates an Ed25519 identity key and prints its public key, which a roster lists. Only the owner can read the\n"
	      "file. An existing file is never overwritten.\n",
	  .arguments = arguments_of_keygen },
	run
};
