#include "daemon/cli/report/gnuplot.h"

#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const colour[SL_GNUPLOT_COLOURS] = { "rgb '#0072B2'", "rgb '#D55E00'", "rgb '#009E73'",
	                                                "rgb '#CC79A7'", "rgb '#E69F00'", "rgb '#56B4E9'",
	                                                "rgb '#000000'" };

const char *sl_gnuplot_colour(uint32_t i)
{
	return colour[i % SL_GNUPLOT_COLOURS];
}

static void path_in(const struct sl_gnuplot *g, const char *name, char path[static 128])
{
	snprintf(path, 128, "%s/%s", g->folder, name);
}

enum sl_status sl_gnuplot_open(struct sl_gnuplot *g, struct sl_error *error)
{
	char path[128];
	*g = (struct sl_gnuplot){ .folder = "/tmp/starling-figures-XXXXXX" };
	if (!mkdtemp(g->folder))
		return sl_fail(error, SL_IO, "%s: %s", g->folder, strerror(errno));
	path_in(g, "script", path);
	g->script = fopen(path, "we");
	if (!g->script) {
		sl_fail(error, SL_IO, "%s: %s", path, strerror(errno));
		sl_gnuplot_close(g);
		return SL_IO;
	}
	return SL_OK;
}

void sl_gnuplot_style(FILE *script)
{
	fputs(
	    "reset\nset encoding utf8\nset datafile missing 'NaN'\nset samples 2\nunset key\nset format '%g'\n"
	    "set border 3 lw 0.7\nset tics nomirror out scale 0.5\nset grid lw 0.5\n",
	    script);
}

uint32_t sl_gnuplot_figure(struct sl_gnuplot *g, unsigned width, unsigned height)
{
	sl_gnuplot_style(g->script);
	fprintf(g->script,
	        "set terminal svg size %u,%u dynamic font 'sans-serif,14'\nset output '%s/%u.svg'\n", width,
	        height, g->folder, g->figures);
	return g->figures++;
}

void sl_gnuplot_output(struct sl_gnuplot *g, const char *terminal, char path[static 128])
{
	path_in(g, "0.svg", path);
	fprintf(g->script, "set terminal %s\nset output '%s'\n", terminal, path);
	g->figures = 1;
}

/* In the child: nothing here returns. -d: no configuration of the user has a part in the result. */
static void become_gnuplot(const char *script, const char *log)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (null < 0 || out < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	unsetenv("GNUPLOT_LIB");
	unsetenv("GNUTERM");
	execlp("gnuplot", "gnuplot", "-d", script, (char *)NULL);
	_exit(errno == ENOENT ? 127 : 126);
}

/* The first line of what gnuplot said that tells why. */
static void reason_in(const char *log, char *text, size_t size)
{
	FILE *in = fopen(log, "re");
	text[0] = '\0';
	char line[200];
	while (in && fgets(line, sizeof line, in)) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, "line ") || !text[0])
			sl_utf8_shown(line, text, size);
	}
	if (in)
		fclose(in);
}

enum sl_status sl_gnuplot_run(struct sl_gnuplot *g, struct sl_error *error)
{
	char script[128], log[128], why[240];
	path_in(g, "script", script);
	path_in(g, "log", log);
	fputs("unset output\n", g->script);
	bool written = fflush(g->script) == 0 && !ferror(g->script);
	if (!written)
		return sl_fail(error, SL_IO, "%s: %s", script, strerror(errno));
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		become_gnuplot(script, log);
	int result = -1;
	while (child > 0 && waitpid(child, &result, 0) < 0 && errno == EINTR)
		;
	if (child < 0)
		return sl_fail(error, SL_IO, "gnuplot cannot be started: %s", strerror(errno));
	if (WIFEXITED(result) && WEXITSTATUS(result) == 127)
		return sl_fail(
		    error, SL_IO,
		    "gnuplot, which draws the figures, is not installed: apt-get install gnuplot-nox");
	reason_in(log, why, sizeof why);
	if (!WIFEXITED(result) || WEXITSTATUS(result) != 0)
		return sl_fail(error, SL_IO, "gnuplot failed: %s", why[0] ? why : "it gave no reason");
	return SL_OK;
}

/* Whether a line of the file is left out: what belongs to a file of its own, and not to a page. */
static bool is_left_out(const char *line, bool *in_defs)
{
	bool left_out = *in_defs;
	if (strstr(line, "<defs>"))
		left_out = *in_defs = true;
	if (strstr(line, "</defs>"))
		*in_defs = false;
	static const char *const left[] = { "<?xml", "<title>", "<desc>", "xmlns", "<svg ", " viewBox=" };
	for (size_t i = 0; i < sizeof left / sizeof *left && !left_out; i++)
		left_out = strncmp(line, left[i], strlen(left[i])) == 0;
	return left_out;
}

/* A line without ids, of which a page may have each once only; gnuplot groups a curve under one with its title. */
static void put_line(FILE *out, const char *line)
{
	const char *id = strstr(line, "<g id=\"gnuplot_");
	if (!id) {
		fputs(line, out);
		return;
	}
	fputs("<g>", out);
	if (strstr(id, "</g>"))
		fputs("</g>", out);
}

enum sl_status sl_gnuplot_embed(const struct sl_gnuplot *g, uint32_t figure, const char *label, FILE *out,
                                struct sl_error *error)
{
	char name[24], path[128], *line = NULL;
	size_t room = 0;
	bool in_defs = false, opened = false;
	snprintf(name, sizeof name, "%u.svg", figure);
	path_in(g, name, path);
	FILE *in = fopen(path, "re");
	if (!in)
		return sl_fail(error, SL_IO, "%s: %s", path, strerror(errno));
	while (getline(&line, &room, in) > 0) {
		const char *box = strstr(line, "viewBox=");
		if (box && !opened) {
			fprintf(out, "<svg role=\"img\" aria-label=\"%s\" %.*s", label,
			        (int)strcspn(box, "\n>"), box);
			fputs(">\n", out);
			opened = true;
		}
		if (opened && !is_left_out(line, &in_defs) && strcmp(line, ">\n") != 0)
			put_line(out, line);
	}
	free(line);
	fclose(in);
	return opened ? SL_OK : sl_fail(error, SL_IO, "%s: gnuplot wrote no SVG", path);
}

void sl_gnuplot_close(struct sl_gnuplot *g)
{
	char name[24], path[128];
	if (g->script)
		fclose(g->script);
	for (uint32_t i = 0; i < g->figures; i++) {
		snprintf(name, sizeof name, "%u.svg", i);
		path_in(g, name, path);
		unlink(path);
	}
	path_in(g, "script", path);
	unlink(path);
	path_in(g, "log", path);
	unlink(path);
	rmdir(g->folder);
	g->script = NULL;
}

void sl_gnuplot_text(FILE *script, const char *text)
{
	while (*text) {
		size_t n = sl_utf8_length(text);
		bool plain = n > 1 || (n == 1 && *text >= ' ' && *text != 127 && !strchr("'\"\\`@$", *text));
		if (plain)
			fwrite(text, 1, n, script);
		else
			putc(*text == '\'' || *text == '"' ? ' ' : '?', script);
		text += n ? n : 1;
	}
}
