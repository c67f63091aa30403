/* enrol.c — starling enrol: the key of a host that wants to take part, and the line that asks the operator for it. */
#include "daemon/cli/common/command_line.h"
#include "daemon/cli/enrol/enrol.h"
#include "daemon/run/request.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS SL_ENROL_FOLDER "/keys"

int sl_enrol_keys_in(const char *folder, uint32_t *peer)
{
	int found = 0;
	const struct dirent *entry;
	DIR *keys = opendir(folder);
	if (!keys)
		return -1;
	while ((entry = readdir(keys)) != NULL) {
		char *end;
		unsigned long number = strtoul(entry->d_name, &end, 10);
		if (end == entry->d_name || strcmp(end, ".key") != 0)
			continue;
		*peer = (uint32_t)number;
		found++;
	}
	closedir(keys);
	return found;
}

enum sl_status sl_enrol_folder(const char *path, mode_t mode, struct sl_error *error)
{
	if (mkdir(path, mode) == 0 ? chmod(path, mode) != 0 : errno != EEXIST)
		return sl_fail(error, SL_IO, "%s: %s", path, strerror(errno));
	return SL_OK;
}

const char *sl_enrol_key_file(const char *given, char path[static 4096])
{
	uint32_t peer;
	if (given)
		return given;
	if (geteuid() != 0)
		return "identity.key";
	if (access(KEYS "/identity.key", F_OK) == 0 || sl_enrol_keys_in(KEYS, &peer) != 1)
		return KEYS "/identity.key";
	snprintf(path, 4096, KEYS "/%" PRIu32 ".key", peer);
	return path;
}

/* A key that exists is used again: asking twice asks for the same. */
static enum sl_status own_key(struct sl_identity *out, const char *path, struct sl_error *error)
{
	if (access(path, F_OK) == 0)
		return sl_identity_read(out, path, error);
	if (strcmp(path, KEYS "/identity.key") == 0 &&
	    (sl_enrol_folder(SL_ENROL_FOLDER, 0755, error) != SL_OK ||
	     sl_enrol_folder(KEYS, 0700, error) != SL_OK))
		return error->status;
	sl_identity_make(out);
	return sl_identity_write(out, path, error);
}

struct request {
	const char *name, *endpoint, *key;
	bool json;
};

static int run(int argc, char **argv)
{
	struct request request = { 0 };
	struct sl_error error;
	struct sl_identity identity;
	char **operands, line[SL_REQUEST_MOST], found[4096];
	int code = sl_command_parse(&sl_command_enrol, argc, argv, &request, &operands);
	if (code >= 0)
		return code;
	const char *path = sl_enrol_key_file(request.key, found);
	enum sl_status status = sl_keys_start(&error);
	if (status == SL_OK)
		status = own_key(&identity, path, &error);
	if (status == SL_OK) {
		status = sl_request_write(line, &identity, request.name, request.endpoint, &error);
		sl_identity_wipe(&identity);
	}
	if (status != SL_OK)
		return sl_command_fail(&sl_command_enrol, &error);
	if (request.json) {
		sl_json_object(stdout, (const struct sl_json_fact[]){ { "key_file", path },
		                                                      { "name", request.name },
		                                                      { "endpoint", request.endpoint },
		                                                      { "request", line },
		                                                      { NULL } });
		return SL_EXIT_OK;
	}
	fprintf(stderr, "starling enrol: the secret key stays in %s; send this line to the operator\n", path);
	puts(line);
	return SL_EXIT_OK;
}

static const struct sl_argument arguments_of_enrol[] = {
	{ .option = { "name", "name of this host in the run", SL_OPTION_BORROWED,
	              offsetof(struct request, name) },
	  .value = "NAME",
	  .required = true },
	{ .option = { "endpoint",
	              "where neighbours reach this host, such as tcp://site-3.example:7000; or dial-only: nobody can, behind NAT or a firewall, and this host opens all its connections",
	              SL_OPTION_BORROWED, offsetof(struct request, endpoint) },
	  .value = "ENDPOINT",
	  .required = true },
	{ .option = { "key",
	              "file of the secret key, created if it does not exist; without it, of root, the key in " KEYS
	              ", of others, identity.key here",
	              SL_OPTION_BORROWED, offsetof(struct request, key), .completes = SL_COMPLETE_FILE },
	  .letter = 'k',
	  .value = "FILE" },
	SL_ARGUMENT_JSON(struct request, json, "print JSON"),
	SL_ARGUMENT_HELP,
	{ .value = NULL }
};

const struct sl_command sl_command_enrol = {
	"enrol",
	{ .program = "starling enrol",
	  .doc = "create the key of this host, and print the request that the operator admits",
	  .forms = (const char *const[]){ "--name NAME --endpoint ENDPOINT", NULL },
	  .text =
	      "Creates the secret key of a host, unless it exists, and prints one signed line: name, endpoint and public key.\n"
	      "The line holds no secret. The operator admits it with starling roster RUN --admit, which writes a bundle for\n"
	      "this host; starling install installs that. Asking again with another name or endpoint asks for a change.\n",
	  .arguments = arguments_of_enrol },
	run
};
