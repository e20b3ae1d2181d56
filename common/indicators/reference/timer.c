/* The C library's half of `scripts/bench indicators`: says how long a function of the TA-Lib wheel takes, without
 * Python in between.
 *
 * Reads lines "NAME BARS CALLS BUFFERS" and answers each with the nanoseconds a call took, on the series of series.py,
 * with the parameters' defaults. BUFFERS is `kept`, into buffers that are there already, or `fresh`, as the wheel does and
 * anybody must who keeps the answer: a buffer for each output, one place a bar, with NaN in the lookback.
 *
 * The wheel brings the library and no header: the few declarations of ta_abstract.h that are needed stand here. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct { const char *name, *group, *hint; int flags; unsigned inputs, options, outputs; const void *handle; } FuncInfo;
typedef struct { int type; const char *name; int flags; } ParameterInfo;

int TA_Initialize(void);
int TA_GetFuncHandle(const char *name, const void **handle);
int TA_GetFuncInfo(const void *handle, const FuncInfo **info);
int TA_GetInputParameterInfo(const void *handle, unsigned index, const ParameterInfo **info);
int TA_GetOutputParameterInfo(const void *handle, unsigned index, const ParameterInfo **info);
int TA_ParamHolderAlloc(const void *handle, void **holder);
int TA_ParamHolderFree(void *holder);
int TA_SetInputParamRealPtr(void *holder, unsigned index, const double *values);
int TA_SetInputParamPricePtr(void *holder, unsigned index, const double *open, const double *high, const double *low,
                             const double *close, const double *volume, const double *interest);
int TA_SetOutputParamRealPtr(void *holder, unsigned index, double *values);
int TA_SetOutputParamIntegerPtr(void *holder, unsigned index, int *values);
int TA_GetLookback(const void *holder, int *lookback);
int TA_CallFunc(const void *holder, int first, int last, int *begin, int *count);

enum { MOST_BARS = 100000, MOST_OUTPUTS = 4 };
static double open_[MOST_BARS], high[MOST_BARS], low[MOST_BARS], close_[MOST_BARS], volume[MOST_BARS], periods[MOST_BARS];
static double reals[MOST_OUTPUTS][MOST_BARS];
static int integers[MOST_OUTPUTS][MOST_BARS];

static void must(int code, const char *what) {
  if (code != 0) {
    fprintf(stderr, "timer: %s gives %d\n", what, code);
    exit(1);
  }
}

static uint64_t state = 1;
static double next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double)(state >> 11) / 9007199254740992.0;
}

static double cents(double value) { return floor(value * 10000.0 + 0.5) / 10000.0; }

static void fill(void) {
  double close = 100.0;
  for (int bar = 0; bar < MOST_BARS; bar++) {
    double pull = 0.002 * (100.0 - close) / 100.0;
    double open = cents(close * (1.0 + 0.02 * (next() - 0.5)));
    close = cents(open * (1.0 + 0.06 * (next() - 0.5) + pull));
    open_[bar] = open;
    close_[bar] = close;
    high[bar] = cents(fmax(open, close) * (1.0 + 0.02 * next()));
    low[bar] = cents(fmin(open, close) * (1.0 - 0.02 * next()));
    volume[bar] = floor(1000.0 + 100000.0 * next());
    periods[bar] = 2.0 + bar % 29;
  }
}

static const FuncInfo *info;

static void *bound(const char *name) {
  const void *handle;
  const ParameterInfo *parameter;
  void *holder;
  must(TA_GetFuncHandle(name, &handle), name);
  must(TA_GetFuncInfo(handle, &info), name);
  must(TA_ParamHolderAlloc(handle, &holder), name);
  unsigned real = 0, series = 0;
  for (unsigned i = 0; i < info->inputs; i++) {
    must(TA_GetInputParameterInfo(handle, i, &parameter), name);
    series += parameter->type == 1;
  }
  for (unsigned i = 0; i < info->inputs; i++) {
    must(TA_GetInputParameterInfo(handle, i, &parameter), name);
    if (parameter->type == 0) {
      must(TA_SetInputParamPricePtr(holder, i, open_, high, low, close_, volume, NULL), name);
      continue;
    }
    /* As the wheel: one series is the close, two are high and low; MAVP's second are the periods. */
    const double *pair = real == 0 ? high : low;
    if (strcmp(name, "MAVP") == 0) pair = real == 0 ? close_ : periods;
    must(TA_SetInputParamRealPtr(holder, i, series == 1 ? close_ : pair), name);
    real++;
  }
  for (unsigned i = 0; i < info->outputs && i < MOST_OUTPUTS; i++) {
    must(TA_GetOutputParameterInfo(handle, i, &parameter), name);
    if (parameter->type == 0) must(TA_SetOutputParamRealPtr(holder, i, reals[i]), name);
    else must(TA_SetOutputParamIntegerPtr(holder, i, integers[i]), name);
  }
  return holder;
}

/* A call into buffers of its own, which it then lets go. */
static void fresh(void *holder, const char *name, int bars, int *begin, int *count) {
  const ParameterInfo *parameter;
  void *buffers[MOST_OUTPUTS] = {0};
  int lookback;
  must(TA_GetLookback(holder, &lookback), name);
  if (lookback > bars) lookback = bars;
  for (unsigned i = 0; i < info->outputs && i < MOST_OUTPUTS; i++) {
    must(TA_GetOutputParameterInfo(info->handle, i, &parameter), name);
    if (parameter->type == 0) {
      double *values = malloc((size_t)bars * sizeof *values);
      for (int bar = 0; bar < lookback; bar++) values[bar] = NAN;
      must(TA_SetOutputParamRealPtr(holder, i, values + lookback), name);
      buffers[i] = values;
    } else {
      int *values = malloc((size_t)bars * sizeof *values);
      for (int bar = 0; bar < lookback; bar++) values[bar] = 0;
      must(TA_SetOutputParamIntegerPtr(holder, i, values + lookback), name);
      buffers[i] = values;
    }
  }
  must(TA_CallFunc(holder, 0, bars - 1, begin, count), name);
  for (unsigned i = 0; i < info->outputs && i < MOST_OUTPUTS; i++) {
    /* Looked at, so that a compiler that sees malloc and free does not leave both out. */
    __asm__ volatile("" : : "r"(buffers[i]) : "memory");
    free(buffers[i]);
  }
}

int main(void) {
  char name[64], buffers[8];
  int bars, begin, count;
  long calls;
  must(TA_Initialize(), "TA_Initialize");
  fill();
  while (scanf("%63s %d %ld %7s", name, &bars, &calls, buffers) == 4) {
    if (bars < 1 || bars > MOST_BARS || calls < 1) return 2;
    const int is_fresh = strcmp(buffers, "fresh") == 0;
    void *holder = bound(name);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long call = 0; call < calls; call++) {
      if (is_fresh) fresh(holder, name, bars, &begin, &count);
      else must(TA_CallFunc(holder, 0, bars - 1, &begin, &count), name);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double spent = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
    printf("%.3f %d\n", spent / (double)calls, count);
    fflush(stdout);
    TA_ParamHolderFree(holder);
  }
  return 0;
}
