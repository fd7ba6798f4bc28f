/*
 * isobench-memory: memory bandwidth and latency with one thread. It is built into the image, so every guest runs the
 * same code.
 *
 *   isobench-memory stream MEBIBYTES TIMES    McCalpin's STREAM with three arrays of this size, each kernel TIMES times
 *   isobench-memory copy SECONDS              copies of 32 MiB by plain C and by SSE2, SECONDS each
 *   isobench-memory latency LOG2BYTES SECONDS dependent random reads in a buffer of 2^LOG2BYTES bytes
 *
 * The output has the format of STREAM 5.10 (stream.c) and of tinymembench 0.4.9, which has no options and takes
 * minutes. Bandwidth is in MB/s, 1 MB = 1000000 bytes. STREAM counts read and written bytes, tinymembench counts copied
 * bytes once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void fail(const char *what) {
  fprintf(stderr, "isobench-memory: %s\n", what);
  exit(1);
}

/* New pages, so that no page was used before. `small`: 4 KiB pages, as in tinymembench's first table. */
static void *pages(size_t bytes, int small) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) fail(strerror(errno));
  /* madvise fails on kernels without huge pages, where it is not needed. */
  if (small) madvise(at, bytes, MADV_NOHUGEPAGE);
  return at;
}

static double number(const char *text, double least) {
  char *end;
  double value = strtod(text, &end);
  if (*text == '\0' || *end != '\0' || !(value >= least)) fail("an argument is no number, or too small");
  return value;
}

/* ---- STREAM ---- */

static void report(const char *name, const double *times, int count, double bytes) {
  double best = INFINITY, worst = 0, sum = 0;
  /* As in STREAM, the first run does not count, because it also allocates the pages. */
  for (int k = 1; k < count; k++) {
    if (times[k] < best) best = times[k];
    if (times[k] > worst) worst = times[k];
    sum += times[k];
  }
  printf("%-12s%11.1f  %11.6f  %11.6f  %11.6f\n", name, 1e-6 * bytes / best, sum / (count - 1), best, worst);
}

/* The largest relative deviation of the elements from their expected value. */
static double deviation(const double *of, size_t n, double wanted) {
  double most = 0;
  for (size_t j = 0; j < n; j++) {
    double d = fabs(of[j] - wanted);
    if (!(d <= most)) most = d;
  }
  return most / wanted;
}

static int stream(double mebibytes, int count) {
  size_t n = (size_t)(mebibytes * 1048576 / sizeof(double));
  double *a = pages(n * sizeof *a, 0), *b = pages(n * sizeof *b, 0), *c = pages(n * sizeof *c, 0);
  double *times[4];
  for (int kernel = 0; kernel < 4; kernel++) times[kernel] = calloc(count, sizeof(double));
  const double scalar = 3.0;
  for (size_t j = 0; j < n; j++) a[j] = 2.0, b[j] = 2.0, c[j] = 0.0;
  for (int k = 0; k < count; k++) {
    double at = now(), after;
    for (size_t j = 0; j < n; j++) c[j] = a[j];
    after = now(), times[0][k] = after - at, at = after;
    for (size_t j = 0; j < n; j++) b[j] = scalar * c[j];
    after = now(), times[1][k] = after - at, at = after;
    for (size_t j = 0; j < n; j++) c[j] = a[j] + b[j];
    after = now(), times[2][k] = after - at, at = after;
    for (size_t j = 0; j < n; j++) a[j] = b[j] + scalar * c[j];
    after = now(), times[3][k] = after - at;
  }
  printf("Array size = %zu (elements)\n", n);
  printf("Function    Best Rate MB/s  Avg time     Min time     Max time\n");
  double bytes = (double)n * sizeof(double);
  report("Copy:", times[0], count, 2 * bytes);
  report("Scale:", times[1], count, 2 * bytes);
  report("Add:", times[2], count, 3 * bytes);
  report("Triad:", times[3], count, 3 * bytes);
  /* The expected value of every element. As in STREAM, the tolerance is 1e-13. */
  double aj = 2.0, bj = 2.0, cj = 0.0;
  for (int k = 0; k < count; k++) cj = aj, bj = scalar * cj, cj = aj + bj, aj = bj + scalar * cj;
  double off = fmax(deviation(a, n, aj), fmax(deviation(b, n, bj), deviation(c, n, cj)));
  if (!(off < 1e-13)) {
    printf("Failed Validation: a relative deviation of %e\n", off);
    return 1;
  }
  printf("Solution Validates: avg error less than 1.000000e-13 on all three arrays\n");
  return 0;
}

/* ---- copies ---- */

static const size_t copied = 32 << 20;

static void plain(void *to, const void *from) {
  uint64_t *t = to;
  const uint64_t *f = from;
  for (size_t j = 0; j < copied / sizeof *t; j++) t[j] = f[j];
}

#ifdef __SSE2__
static void sse2(void *to, const void *from) {
  __m128i *t = to;
  const __m128i *f = from;
  for (size_t j = 0; j < copied / sizeof *t; j += 4) {
    __m128i x0 = _mm_load_si128(f + j), x1 = _mm_load_si128(f + j + 1);
    __m128i x2 = _mm_load_si128(f + j + 2), x3 = _mm_load_si128(f + j + 3);
    _mm_store_si128(t + j, x0);
    _mm_store_si128(t + j + 1, x1);
    _mm_store_si128(t + j + 2, x2);
    _mm_store_si128(t + j + 3, x3);
  }
}
#endif

/* Prints the best copy within the time, in tinymembench's format. */
static void measureCopy(const char *name, void (*copy)(void *, const void *), double seconds) {
  unsigned char *from = pages(copied, 0), *to = pages(copied, 0);
  for (size_t j = 0; j < copied; j++) from[j] = (unsigned char)(j * 31 + j / 4096);
  memset(to, 0xcc, copied);
  double best = INFINITY, until = now() + seconds;
  do {
    double at = now();
    copy(to, from);
    double took = now() - at;
    if (took < best) best = took;
  } while (now() < until);
  if (memcmp(from, to, copied) != 0) fail("the copy is not what was copied");
  printf(" %-52s : %8.1f MB/s\n", name, 1e-6 * copied / best);
  munmap(from, copied);
  munmap(to, copied);
}

static int copies(double seconds) {
  printf("== Memory bandwidth tests ==\n\n");
  measureCopy("C copy", plain, seconds);
#ifdef __SSE2__
  measureCopy("SSE2 copy", sse2, seconds);
#endif
  return 0;
}

/* ---- latency ---- */

/* Links all 64-byte lines of a buffer to one random cycle (Sattolo's shuffle), the same in every guest. */
static void **cycle(size_t bytes) {
  const size_t lines = bytes / 64;
  char *buffer = pages(bytes, 1);
  uint32_t *order = malloc(lines * sizeof *order);
  if (!order) fail("no memory for the order of the reads");
  for (size_t j = 0; j < lines; j++) order[j] = (uint32_t)j;
  uint64_t state = 88172645463325252ull;
  for (size_t last = lines - 1; last > 0; last--) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    size_t other = state % last;
    uint32_t held = order[last];
    order[last] = order[other], order[other] = held;
  }
  for (size_t j = 0; j < lines; j++) *(void **)(buffer + 64 * j) = buffer + 64 * (size_t)order[j];
  free(order);
  return (void **)buffer;
}

/*
 * Nanoseconds of a dependent read: the best batch. A batch takes 16 us to 2 ms. That is short enough to fit between two
 * interruptions on a busy host, and long enough for the clock.
 */
static double nanoseconds(size_t bytes, double seconds) {
  const size_t batch = 1 << 14;
  void **at = cycle(bytes);
  for (size_t j = 0; j < bytes / 64; j++) at = (void **)*at;
  double best = INFINITY, until = now() + seconds;
  do {
    double from = now();
    for (size_t j = 0; j < batch; j++) at = (void **)*at;
    double took = now() - from;
    if (took < best) best = took;
  } while (now() < until);
  /* Keeps the compiler from removing the reads. */
  if (at == NULL) fail("the chain is broken");
  return 1e9 * best / batch;
}

static int latency(int log2bytes, double seconds) {
  /* The time of a hit in the L1 cache. 16 KiB fit into every current one. */
  double hit = nanoseconds(1 << 14, seconds / 10);
  double extra = nanoseconds((size_t)1 << log2bytes, seconds) - hit;
  printf("block size : single random read, [MADV_NOHUGEPAGE]\n");
  printf(" %9zu : %8.2f ns\n", (size_t)1 << log2bytes, extra > 0 ? extra : 0);
  return 0;
}

int main(int argc, char **argv) {
  /* Each of the TIMES multiplies by 15, and 15^261 is the largest power in a double. */
  if (argc == 4 && strcmp(argv[1], "stream") == 0 && number(argv[3], 2) <= 200)
    return stream(number(argv[2], 1), (int)number(argv[3], 2));
  if (argc == 3 && strcmp(argv[1], "copy") == 0) return copies(number(argv[2], 0.01));
  if (argc == 4 && strcmp(argv[1], "latency") == 0) return latency((int)number(argv[2], 14), number(argv[3], 0.01));
  fail("usage: stream MEBIBYTES TIMES | copy SECONDS | latency LOG2BYTES SECONDS");
}
