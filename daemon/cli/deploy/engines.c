/* engines.c — the files that deployment engines need. All but the list of peers and Ansible's inventory are texts of
 * files/, with @RUN@, @NAME@, @PEERS@, @KEYS@, @SHARDS@ and @TO@ filled in. */
#include "daemon/cli/deploy/deploy.h"
#include "daemon/run/files.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct file {
	const char *name, *text;
} files[] = {
#include "deploy.inc"
};
enum { FILES = sizeof files / sizeof files[0] };

/* Makes all folders above d->to/name. */
static enum sl_status make_folders(const struct sl_deploy *d, const char *name, struct sl_error *error)
{
	char path[4200];
	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(path, sizeof path, "%.3900s/%.*s", d->to, (int)(slash - name), name);
		if (mkdir(path, 0777) != 0 && errno != EEXIST)
			return sl_fail(error, SL_IO, "%s: %s", path, strerror(errno));
	}
	return SL_OK;
}

/* A folder that run.conf names, as an absolute path. */
static void print_folder(FILE *out, const struct sl_deploy *d, const char *name)
{
	fprintf(out, "%s%s%s", name[0] == '/' ? "" : d->run, name[0] == '/' ? "" : "/", name);
}

/* Of the run's name what stands in any script without quotes. */
static void print_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc(isalnum((unsigned char)*name) || strchr("._-", *name) ? *name : '-', out);
}

static uint32_t members(const struct sl_roster *r)
{
	uint32_t count = 0;
	for (uint32_t k = 0; k < r->topology.peers; k++)
		count += !r->peer[k].gone;
	return count;
}

static void print_value(FILE *out, const struct sl_deploy *d, const char *name)
{
	if (strcmp(name, "RUN") == 0)
		fputs(d->run, out);
	else if (strcmp(name, "TO") == 0)
		fputs(d->to, out);
	else if (strcmp(name, "KEYS") == 0)
		print_folder(out, d, d->config->settings.host.keys);
	else if (strcmp(name, "SHARDS") == 0)
		print_folder(out, d, d->config->settings.host.shards);
	else if (strcmp(name, "NAME") == 0)
		print_name(out, d->config->settings.host.name);
	else if (strcmp(name, "PEERS") == 0)
		fprintf(out, "%" PRIu32, members(d->roster));
	else
		fprintf(out, "@%s@", name);
}

/* @WORD@, in capitals, is a value; any other '@' stands for itself. */
static void fill_in(FILE *out, const struct sl_deploy *d, const char *text)
{
	char name[16];
	while (*text) {
		size_t plain = strcspn(text, "@");
		fwrite(text, 1, plain, out);
		text += plain;
		if (!*text)
			break;
		size_t length = strspn(text + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (length > 0 && length < sizeof name && text[1 + length] == '@') {
			snprintf(name, sizeof name, "%.*s", (int)length, text + 1);
			print_value(out, d, name);
			text += length + 2;
		} else {
			fputc(*text++, out);
		}
	}
}

static void print_peers(FILE *out, const struct sl_deploy *d, const char *text)
{
	(void)text;
	fputs(
	    "# number name host endpoint state; state: member, gone (removed by the roster), or enrol (not admitted yet)\n",
	    out);
	for (uint32_t i = 0; i < d->hosts.peers; i++) {
		const struct sl_hosts_peer *p = &d->hosts.peer[i];
		bool enrol = p->number == SL_HOSTS_NOBODY;
		if (enrol)
			fputs("-", out);
		else
			fprintf(out, "%" PRIu32, p->number);
		fprintf(out, " %s %s %s %s\n", p->name, d->hosts.host[p->host],
		        p->endpoint[0] ? p->endpoint : "-",
		        enrol     ? "enrol"
		        : p->gone ? "gone"
		                  : "member");
	}
}

static void print_inventory(FILE *out, const struct sl_deploy *d, const char *text)
{
	(void)text;
	fprintf(out,
	        "# Written by starling deploy. Variables of your own belong into group_vars or host_vars.\n"
	        "starling:\n"
	        "  vars:\n"
	        "    starling_deploy: '%s'\n",
	        d->to);
	fputs("    starling_keys: '", out);
	print_folder(out, d, d->config->settings.host.keys);
	fputs("'\n    starling_shards: '", out);
	print_folder(out, d, d->config->settings.host.shards);
	fputs("'\n  hosts:\n", out);
	for (uint32_t k = 0; k < d->hosts.hosts; k++) {
		const char *host = d->hosts.host[k], *at = strchr(host, '@');
		fprintf(out, "    '%s':\n      starling_peers:\n", at ? at + 1 : host);
		for (uint32_t i = 0; i < d->hosts.peers; i++) {
			const struct sl_hosts_peer *p = &d->hosts.peer[i];
			bool enrol = p->number == SL_HOSTS_NOBODY;
			if (p->host != k)
				continue;
			fprintf(out, "        - { number: %lld, name: '%s', endpoint: '%s', state: %s }\n",
			        enrol ? -1LL : (long long)p->number, p->name, p->endpoint,
			        enrol     ? "enrol"
			        : p->gone ? "gone"
			                  : "member");
		}
		if (at)
			fprintf(out, "      ansible_user: '%.*s'\n", (int)(at - host), host);
	}
}

static enum sl_status write_file(const struct sl_deploy *d, const char *name, const char *text,
                                 void (*print)(FILE *, const struct sl_deploy *, const char *),
                                 struct sl_error *error)
{
	char *made = NULL, path[4200];
	size_t length = 0;
	enum sl_status status = make_folders(d, name, error);
	if (status != SL_OK)
		return status;
	snprintf(path, sizeof path, "%.3900s/%s", d->to, name);
	FILE *f = open_memstream(&made, &length);
	if (f)
		print(f, d, text);
	if (!f || fclose(f) != 0)
		status = sl_fail(error, SL_NO_MEMORY, "%s: out of memory", path);
	else
		status =
		    sl_file_replace(path, made, length, strncmp(made, "#!", 2) == 0 ? 0755 : 0644, error);
	free(made);
	return status;
}

enum sl_status sl_deploy_engines(const struct sl_deploy *d, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	for (size_t i = 0; i < FILES && status == SL_OK; i++)
		status = write_file(d, files[i].name, files[i].text, fill_in, error);
	if (status == SL_OK && d->hosts.hosts)
		status = write_file(d, "peers", NULL, print_peers, error);
	if (status == SL_OK && d->hosts.hosts)
		status = write_file(d, "ansible/inventory.yml", NULL, print_inventory, error);
	return status;
}
