#include "daemon/peer/stepper.h"

#include "daemon/run/run.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct sl_stepper {
	pthread_t thread;
	struct sl_peer *peer; /* borrowed, as all that follows */
	const struct sl_plan *plan;
	const struct sl_scratch *scratch;
	sl_act *prepare, *act;
	void *driver;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	int descriptor;                 /* eventfd: an action waits, or the step has ended */
	const struct sl_event *event;   /* at hand; NULL: none */
	const struct sl_action *action; /* to be performed; NULL: none */
	bool stop;
	struct sl_time hangs_at; /* if it has not ended then; the loop's own */
};

/* On the thread: waits until the loop has performed it. */
static void pass_on(void *context, const struct sl_action *action)
{
	struct sl_stepper *s = context;
	s->prepare(s->driver, action);
	pthread_mutex_lock(&s->lock);
	s->action = action;
	eventfd_write(s->descriptor, 1);
	while (s->action)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void *work(void *context)
{
	struct sl_stepper *s = context;
	struct sl_error error;
	if (sl_float_check(&error) != SL_OK)
		sl_panic(__FILE__, __LINE__, error.text);
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->event && !s->stop)
			pthread_cond_wait(&s->changed, &s->lock);
		if (s->stop)
			break;
		pthread_mutex_unlock(&s->lock);
		sl_peer_step(s->peer, s->event, s->scratch, pass_on, s);
		pthread_mutex_lock(&s->lock);
		s->event = NULL;
		eventfd_write(s->descriptor, 1);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct sl_stepper *sl_stepper_start(struct sl_peer *peer, const struct sl_plan *plan,
                                    const struct sl_scratch *scratch, sl_act *prepare, sl_act *act,
                                    void *driver, struct sl_error *error)
{
	struct sl_stepper *s = calloc(1, sizeof *s);
	if (!s) {
		sl_fail(error, SL_NO_MEMORY, "no memory for a thread");
		return NULL;
	}
	*s = (struct sl_stepper){ .peer = peer,
		                  .plan = plan,
		                  .scratch = scratch,
		                  .prepare = prepare,
		                  .act = act,
		                  .driver = driver };
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int failure = s->descriptor < 0 ? errno : pthread_create(&s->thread, NULL, work, s);
	if (!failure)
		return s;
	sl_fail(error, SL_IO, "cannot start a thread for passes over the model: %s", strerror(failure));
	if (s->descriptor >= 0)
		close(s->descriptor);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

void sl_stepper_begin(struct sl_stepper *s, const struct sl_event *event, uint32_t degree, struct sl_time now)
{
	s->hangs_at = sl_time_after(now, sl_stepper_limit_us(s->plan->copy_floats, degree));
	pthread_mutex_lock(&s->lock);
	SL_CHECK(!s->event);
	s->event = event;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

int sl_stepper_descriptor(const struct sl_stepper *s)
{
	return s->descriptor;
}

bool sl_stepper_turn(struct sl_stepper *s)
{
	eventfd_t count;
	eventfd_read(s->descriptor, &count);
	pthread_mutex_lock(&s->lock);
	const struct sl_action *action = s->action;
	bool ended = !s->event;
	pthread_mutex_unlock(&s->lock);
	if (!action)
		return ended;
	s->act(s->driver, action);
	pthread_mutex_lock(&s->lock);
	s->action = NULL;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return false;
}

int64_t sl_stepper_limit_us(uint64_t floats, uint32_t degree)
{
	enum { LEAST_US = 60000000 };
	return LEAST_US + (int64_t)(floats / 2 * (degree + 3));
}

bool sl_stepper_hangs(const struct sl_stepper *s, struct sl_time now)
{
	return !sl_time_before(now, s->hangs_at);
}

void sl_stepper_stop(struct sl_stepper *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	close(s->descriptor);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
