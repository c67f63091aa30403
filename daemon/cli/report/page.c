#include "daemon/cli/report/page.h"

#include "daemon/cli/common/command_line.h"
#include "daemon/cli/report/html.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char style[] =
#include "report_style.inc"
    ;
static const char script[] =
#include "report_script.inc"
    ;

enum { ROWS_SHOWN = 200 };

/* Only this script may run: a name from a database that got into the page as one would not. */
static void put_policy(FILE *out)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, sodium_base64_VARIANT_ORIGINAL)];
	crypto_hash_sha256(hash, (const uint8_t *)script, sizeof script - 1);
	sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
	fprintf(
	    out,
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src "
	    "'sha256-%s'\"/>\n",
	    text);
}

static void put_title(FILE *out, const struct sl_report *r)
{
	const struct sl_history_summary *s = &r->run[0].summary;
	if (r->runs > 1)
		fprintf(out, r->groups > 1 ? "%u runs of %u kinds" : "%u runs that differ in their seed",
		        r->runs, r->groups);
	else
		sl_html_text(out, s->name[0] ? s->name : s->run_id);
}

static void put_head(FILE *out, const struct sl_report *r)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n",
	      out);
	put_policy(out);
	fputs("<title>", out);
	put_title(out, r);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
	put_title(out, r);
	fputs("</h1>\n", out);
}

/* What a run is: one line. */
static void put_about(FILE *out, const struct sl_report_run *run)
{
	const struct sl_history_summary *s = &run->summary;
	const char *const text[] = { s->algorithm, s->compress, s->topology, s->model, s->dataset };
	fputs("<p class=\"about\">", out);
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		fputs(i && text[i][0] ? " · " : "", out);
		sl_html_text(out, text[i]);
	}
	fprintf(out, " · %u peers, %u rounds, %u parameters%s · seed ", s->peers, s->rounds, s->dimension,
	        strcmp(run->driver, "sim") == 0 ? ", simulated" : "");
	sl_html_text(out, s->seed);
	fputs(" · ", out);
	sl_html_text(out, s->run_id);
	fputs("</p>\n", out);
}

static void put_legend(FILE *out, const struct sl_report *r, enum sl_legend legend)
{
	uint32_t count = legend == SL_LEGEND_GROUPS ? r->groups
	                 : legend == SL_LEGEND_TIME ? SL_TIME_PARTS
	                                            : SL_EVENT_CLASSES;
	if (legend == SL_LEGEND_NONE)
		return;
	fputs("<div class=\"legend\">", out);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t colour = legend == SL_LEGEND_GROUPS ? i
		                  : legend == SL_LEGEND_TIME ? sl_time_colour((int)i)
		                                             : sl_event_colour((int)i);
		fprintf(out, "<span><span class=\"key c%u\"%s></span>", colour % SL_GNUPLOT_COLOURS,
		        legend == SL_LEGEND_TIME && i == SL_TIME_PARTS - 1 ? " style=\"opacity:.15\"" : "");
		sl_html_text(out, legend == SL_LEGEND_GROUPS ? r->group[i].label
		                  : legend == SL_LEGEND_TIME ? sl_time_part[i]
		                                             : sl_event_class[i]);
		fputs("</span>", out);
	}
	fputs("</div>\n", out);
}

static enum sl_status put_figure(FILE *out, const struct sl_report *r, const struct sl_figure *f,
                                 const struct sl_gnuplot *g, struct sl_error *error)
{
	fprintf(out, "<figure%s>\n<figcaption>%s", f->legend == SL_LEGEND_EVENTS ? " class=\"full\"" : "",
	        f->title);
	if (f->caption[0])
		fprintf(out, "<small>%s</small>", f->caption);
	fputs("</figcaption>\n", out);
	if (f->legend != SL_LEGEND_GROUPS)
		put_legend(out, r, f->legend);
	enum sl_status status = sl_gnuplot_embed(g, f->svg, f->title, out, error);
	fputs("</figure>\n", out);
	return status;
}

static enum sl_status put_figures(FILE *out, const struct sl_report *r, const struct sl_figures *f,
                                  uint32_t run, const struct sl_gnuplot *g, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	fputs("<div class=\"grid\">\n", out);
	for (uint32_t i = 0; i < f->count && status == SL_OK; i++)
		if (f->item[i].run == run)
			status = put_figure(out, r, &f->item[i], g, error);
	fputs("</div>\n", out);
	return status;
}

static void put_peers(FILE *out, const struct sl_report_run *run)
{
	uint32_t shown = run->peers < ROWS_SHOWN ? run->peers : ROWS_SHOWN;
	fprintf(
	    out,
	    "<details class=\"data\"><summary>Peers (%u)</summary><div class=\"wide\"><table class=\"peers\"><thead><tr><th>peer</th>"
	    "<th>rounds</th><th>time</th><th>compute</th><th>compress</th><th>wait</th><th>held up</th><th>in rounds</th>%s<th>exit</th></tr>"
	    "</thead>\n<tbody>\n",
	    run->peers, isfinite(run->epsilon) ? "<th>epsilon</th>" : "");
	for (uint32_t i = 0; i < shown; i++) {
		const struct sl_report_peer *p = &run->peer[i];
		fprintf(out, "<tr><td>%u</td><td>", p->peer);
		sl_html_number(out, "peer-rounds", (double)p->rounds, "%lld", (long long)p->rounds);
		const double time[] = { p->seconds, p->compute, p->compress, p->wait };
		static const char *const name[] = { "peer-seconds", "peer-compute", "peer-compress",
			                            "peer-wait" };
		for (int k = 0; k < 4; k++) {
			fputs("</td><td>", out);
			sl_html_seconds(out, name[k], time[k]);
		}
		fputs("</td><td>", out);
		sl_html_number(out, "peer-held", p->held, "%.1f %%", 100 * p->held);
		fputs("</td><td>", out);
		sl_html_number(out, "peer-held-rounds", p->held_rounds, "%.1f %%", 100 * p->held_rounds);
		if (isfinite(run->epsilon)) {
			fputs("</td><td>", out);
			sl_html_number(out, "peer-epsilon", p->epsilon, "%.3g", p->epsilon);
		}
		if (p->stopped)
			fprintf(out, "</td><td>%lld</td></tr>\n", (long long)p->exit);
		else
			fputs("</td><td>–</td></tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
	if (shown < run->peers)
		fprintf(out, "<p class=\"about\">The first %u of %u.</p>\n", shown, run->peers);
	fputs("</details>\n", out);
}

static void put_events(FILE *out, const struct sl_report_run *run)
{
	if (run->kinds == 0)
		return;
	fputs(
	    "<details class=\"data\"><summary>Events</summary><div class=\"wide\"><table class=\"kinds\"><thead><tr><th class=\"left\">kind</th>"
	    "<th class=\"left\">level</th><th>events</th><th>peers</th></tr></thead>\n<tbody>\n",
	    out);
	for (uint32_t i = 0; i < run->kinds; i++) {
		fputs("<tr><th>", out);
		sl_html_text(out, run->kind[i].kind);
		fputs("</th><td class=\"text\">", out);
		sl_html_text(out, run->kind[i].level);
		fputs("</td><td>", out);
		sl_html_number(out, "kind-events", (double)run->kind[i].count, "%lld",
		               (long long)run->kind[i].count);
		fprintf(out, "</td><td>%lld</td></tr>\n", (long long)run->kind[i].peers);
	}
	fputs(
	    "</tbody></table></div>\n<div class=\"wide\"><table><thead><tr><th>time</th><th>peer</th><th>round</th><th class=\"left\">event</th>"
	    "<th class=\"left\">detail</th></tr></thead>\n<tbody>\n",
	    out);
	uint32_t shown = 0;
	for (uint32_t i = 0; i < run->events && shown < ROWS_SHOWN; i++, shown++) {
		const struct sl_report_event *e = &run->event[i];
		char time[32] = "–";
		if (isfinite(e->seconds))
			sl_seconds_text(e->seconds, time, sizeof time);
		fprintf(out, "<tr><td>%s</td><td>%lld</td><td>%lld</td><td class=\"text\">", time,
		        (long long)e->peer, (long long)e->round);
		sl_html_text(out, e->kind);
		fputs("</td><td class=\"text\">", out);
		sl_html_text(out, e->detail);
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
	if (shown < run->events)
		fprintf(out,
		        "<p class=\"about\">The first %u; all of them: table event of the history.</p>\n",
		        shown);
	fputs("</details>\n", out);
}

static enum sl_status put_run(FILE *out, const struct sl_report *r, uint32_t number,
                              const struct sl_figures *f, const struct sl_gnuplot *g, struct sl_error *error)
{
	const struct sl_report_run *run = &r->run[number];
	fprintf(out, "<section class=\"run\" id=\"run-%u\">\n", number);
	if (r->runs > 1) {
		fputs("<h2>", out);
		sl_html_text(out, r->group[run->group].label);
		fputs(", seed ", out);
		sl_html_text(out, run->summary.seed);
		fputs("</h2>\n", out);
		put_about(out, run);
		fputs("<ul>\n", out);
		sl_findings_of_run(out, r, run);
		fputs("</ul>\n", out);
	} else {
		fputs("<h2>Graph, traffic, time and events</h2>\n", out);
	}
	enum sl_status status = put_figures(out, r, f, number, g, error);
	put_peers(out, run);
	put_events(out, run);
	fputs("</section>\n", out);
	return status;
}

static void put_copies(FILE *out, const struct sl_report *r)
{
	static const char *const name[SL_TABLE_FORMATS] = { "LaTeX", "CSV", "Markdown" };
	for (int k = 0; k < SL_TABLE_FORMATS; k++) {
		char *text = NULL;
		size_t length;
		FILE *memory = open_memstream(&text, &length);
		if (!memory)
			continue;
		sl_table_targets_as(memory, r, (enum sl_table_format)k);
		fclose(memory);
		fprintf(out,
		        "<details class=\"data\"><summary>as %s</summary><pre class=\"copy\" id=\"as-%s\">",
		        name[k], name[k]);
		sl_html_text(out, text ? text : "");
		fputs("</pre></details>\n", out);
		free(text);
	}
}

static void put_summary(FILE *out, const struct sl_report *r)
{
	fputs("<h2>Findings</h2>\n<ul id=\"findings\">\n", out);
	if (r->runs == 1)
		sl_findings_of_run(out, r, &r->run[0]);
	else
		sl_findings_of_all(out, r);
	fputs("</ul>\n<h2>Results</h2>\n", out);
	if (r->runs > r->groups)
		fputs(
		    "<p class=\"about\">Means over the runs of a kind, which differ in their seed; after ±, half of the range of the "
		    "accuracy.</p>\n",
		    out);
	sl_table_results(out, r);
	if (r->targets) {
		fputs(
		    "<h2>Bytes and time to an accuracy</h2>\n<p class=\"about\">Until the mean test accuracy over the peers was at the "
		    "target for the first time: bytes of all peers together, means over the runs that reached it.</p>\n",
		    out);
		sl_table_targets(out, r);
		put_copies(out, r);
	}
}

static void put_data(FILE *out, const struct sl_report *r)
{
	fputs("<h2>Data of the curves</h2>\n", out);
	for (uint32_t g = 0; g < r->groups; g++) {
		fputs("<details class=\"data\"><summary>", out);
		sl_html_text(out, r->group[g].label);
		fprintf(out, "</summary><pre class=\"copy\" id=\"curve-%u\">", g);
		sl_table_curve(out, &r->group[g]);
		fputs("</pre></details>\n", out);
	}
}

enum sl_status sl_page_write(FILE *out, const struct sl_report *r, const struct sl_figures *f,
                             const struct sl_gnuplot *g, struct sl_error *error)
{
	put_head(out, r);
	if (r->runs == 1)
		put_about(out, &r->run[0]);
	put_summary(out, r);
	fputs("<h2>Curves</h2>\n", out);
	put_legend(out, r, r->groups > 1 ? SL_LEGEND_GROUPS : SL_LEGEND_NONE);
	fprintf(
	    out,
	    "<p class=\"about\">Line: mean over the peers%s. Band: %s. Bytes are the payload of all peers together.</p>\n",
	    r->runs > r->groups ? " and runs" : "",
	    r->runs > r->groups
	        ? "from the least to the greatest run of a kind, of a single run over its peers"
	        : "from the least to the greatest of the peers");
	enum sl_status status = put_figures(out, r, f, UINT32_MAX, g, error);
	uint32_t detailed = 0;
	for (; sl_report_detail(r, detailed) < r->runs && status == SL_OK; detailed++)
		status = put_run(out, r, sl_report_detail(r, detailed), f, g, error);
	if (detailed < r->runs)
		fprintf(
		    out,
		    "<p class=\"about\">%u further runs are not shown in detail: starling report --run RUN_ID shows one.</p>\n",
		    r->runs - detailed);
	put_data(out, r);
	fprintf(
	    out,
	    "<footer><p>starling report. The numbers are those of the views curve, summary, peer_time and link_curve; a curve has "
	    "at most %d points of its rounds, evenly chosen.</p></footer>\n<script>%s</script>\n</body>\n</html>\n",
	    SL_REPORT_POINTS, script);
	return status;
}
