/* files.c — what starling doctor finds in files: configuration, roster, session, keys, samples, disk. */
#include "daemon/cli/doctor/doctor.h"
#include "daemon/run/local.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

void sl_doctor_run(struct sl_doctor *d)
{
	struct sl_error error;
	if (sl_run_open(&d->run, d->file, NULL, SL_SESSION_KEPT, &error) != SL_OK) {
		sl_doctor_say(d, SL_FINDING_FAULT, "configuration",
		              "correct it, or install it again from the operator's copy of the run", "%s",
		              error.text);
		return;
	}
	d->opened = true;
	sl_doctor_say(d, SL_FINDING_OK, "configuration", NULL, "%s: run %s, fingerprint %s", d->file,
	              d->run.config.settings.host.name, d->run.fingerprint);
	sl_doctor_say(d, SL_FINDING_OK, "roster", NULL,
	              "serial %" PRIu32 ", %" PRIu32 " peers, signed by the operator", d->run.roster.serial,
	              d->run.roster.topology.peers);
	if (d->run.session.number == 0)
		sl_doctor_say(d, SL_FINDING_WARNING, "session",
		              "install the file `session` from the operator's copy of the run",
		              "there is no session file: peers without it refuse peers that have one");
	else
		sl_doctor_say(d, SL_FINDING_OK, "session", NULL, "%016" PRIx64, d->run.session.number);
	if (*d->run.note)
		sl_doctor_say(d, SL_FINDING_WARNING, "method", NULL, "%s", d->run.note);
}

static const char *subject(char text[static 32], const char *what, uint32_t peer)
{
	snprintf(text, 32, "%s %" PRIu32, what, peer);
	return text;
}

void sl_doctor_key(struct sl_doctor *d, uint32_t peer)
{
	char folder[4096], path[4200], about[32];
	struct sl_identity identity;
	struct sl_error error;
	sl_config_path(&d->run.config, d->run.config.settings.host.keys, false, folder);
	snprintf(path, sizeof path, "%s/%" PRIu32 ".key", folder, peer);
	subject(about, "key", peer);
	if (sl_identity_read(&identity, path, &error) != SL_OK) {
		bool hidden = access(path, R_OK) != 0 && errno == EACCES;
		sl_doctor_say(d, hidden ? SL_FINDING_UNKNOWN : SL_FINDING_FAULT, about,
		              hidden ? "run starling doctor as root"
		                     : "install the key there, with mode 0600 (starlingd(8))",
		              "%s", error.text);
		return;
	}
	bool listed = memcmp(identity.public_key, d->run.roster.peer[peer].public_key, SL_KEY_BYTES) == 0;
	sl_identity_wipe(&identity);
	if (listed)
		sl_doctor_say(d, SL_FINDING_OK, about, NULL, "%s is the key that the roster lists", path);
	else
		sl_doctor_say(
		    d, SL_FINDING_FAULT, about, "install the newest roster, or the key that belongs to it",
		    "%s is not the key that the roster (serial %" PRIu32 ") lists for peer %" PRIu32, path,
		    d->run.roster.serial, peer);
}

void sl_doctor_data(struct sl_doctor *d, uint32_t peer)
{
	struct sl_mapping file = { 0 };
	struct sl_dataset shard;
	struct sl_error error;
	char about[32];
	if (sl_run_shard(&d->run, peer, &file, &shard, &error) != SL_OK) {
		sl_doctor_say(d, SL_FINDING_FAULT, subject(about, "samples", peer),
		              "install the peer's prepared samples, readable for the account of the peer",
		              "%s", error.text);
		return;
	}
	sl_doctor_say(d, SL_FINDING_OK, subject(about, "samples", peer), NULL,
	              "%" PRIu32 " samples, %" PRIu32 " features, %" PRIu32 " classes", shard.samples,
	              shard.features, shard.classes);
	sl_file_unmap(&file);
}

/* The folder in which a peer writes: of the service its own. */
static void state_folder(const struct sl_doctor *d, uint32_t peer, char path[static 4096])
{
	if (d->unit)
		snprintf(path, 4096, "%s/%" PRIu32, SL_LOCAL_STATE, peer);
	else
		snprintf(path, 4096, "%s", d->run.config.state);
}

void sl_doctor_disk(struct sl_doctor *d, uint32_t peer)
{
	enum { LITTLE_MB = 200 };
	char path[4096], about[32];
	struct statvfs disk;
	state_folder(d, peer, path);
	subject(about, "disk", peer);
	if (statvfs(path, &disk) != 0) {
		bool first_start = errno == ENOENT && d->unit;
		sl_doctor_say(d, first_start ? SL_FINDING_OK : SL_FINDING_FAULT, about, NULL,
		              first_start ? "%s: made at the first start" : "%s: %s", path, strerror(errno));
		return;
	}
	uint64_t free_mb = (uint64_t)disk.f_bavail * disk.f_frsize / 1000000;
	if (disk.f_flag & ST_RDONLY)
		sl_doctor_say(d, SL_FINDING_FAULT, about, "mount it writable, or set [history] path",
		              "%s is on a read-only file system", path);
	else if (!d->unit && access(path, W_OK) != 0)
		sl_doctor_say(d, SL_FINDING_FAULT, about, "run the peer as the owner of the folder",
		              "%s cannot be written: %s", path, strerror(errno));
	else if (free_mb < LITTLE_MB || disk.f_favail == 0)
		sl_doctor_say(d, SL_FINDING_WARNING, about,
		              "free some space, or set [history] every to a larger number",
		              "%s: %" PRIu64 " MB and %" PRIu64 " files are left for history and checkpoints",
		              path, free_mb, (uint64_t)disk.f_favail);
	else
		sl_doctor_say(d, SL_FINDING_OK, about, NULL, "%s: %" PRIu64 " MB free", path, free_mb);
}
