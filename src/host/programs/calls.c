/*
 * isobench-calls: what system calls, new processes and messages between processes cost. It is built into the image, so
 * every guest runs the same code.
 *
 *   isobench-calls SECONDS FOLDER NAME...   measures each NAME for SECONDS; files are created in the writable FOLDER
 *
 * The operations are those of lmbench 3, gVisor's test/perf and `perf bench`. The program doubles the number of loops
 * until a batch takes a twentieth of the time, and then repeats the batch. It prints the median batch in nanoseconds of
 * one loop as a JSON object, by the guest's monotonic clock. All processes and threads share one CPU, so each message
 * is a context switch.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* The operation that is measured now, for messages. */
static const char *measured = "start";

static void fail(const char *what) {
  fprintf(stderr, "isobench-calls: %s: %s: %s\n", measured, what, errno ? strerror(errno) : "failed");
  exit(1);
}

/* Ends the program if a call failed. */
static long check(long result, const char *what) {
  if (result < 0) fail(what);
  return result;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- calls without a partner ---- */

static void callGetpid(long loops) {
  for (long i = 0; i < loops; i++) syscall(SYS_getpid);
}

static void callClock(long loops) {
  struct timespec t;
  for (long i = 0; i < loops; i++) clock_gettime(CLOCK_MONOTONIC, &t);
}

/* Wakes nobody, so that only the call counts. */
static void callFutex(long loops) {
  static uint32_t word;
  for (long i = 0; i < loops; i++) check(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), "futex");
}

static volatile sig_atomic_t signals;

static void onSignal(int number) {
  (void)number;
  signals++;
}

static void startSignal(void) {
  struct sigaction action = {.sa_handler = onSignal};
  check(sigaction(SIGUSR1, &action, NULL), "sigaction");
}

/* A signal to the process itself is delivered before kill returns (kill(2)). */
static void callSignal(long loops) {
  const pid_t self = getpid();
  signals = 0;
  for (long i = 0; i < loops; i++) check(kill(self, SIGUSR1), "kill");
  errno = 0;
  if (signals != loops) fail("a signal was lost");
}

enum { waited = 64 };
static int poller, ready[waited];

/* 64 descriptors, of which one is ready. */
static void startEpoll(void) {
  poller = (int)check(epoll_create1(0), "epoll_create1");
  for (int i = 0; i < waited; i++) {
    ready[i] = (int)check(eventfd(i == 0, 0), "eventfd");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = ready[i]};
    check(epoll_ctl(poller, EPOLL_CTL_ADD, ready[i], &event), "epoll_ctl");
  }
}

static void callEpoll(long loops) {
  struct epoll_event events[waited];
  errno = 0;
  for (long i = 0; i < loops; i++)
    if (epoll_wait(poller, events, waited, 0) != 1) fail("epoll_wait");
}

static void stopEpoll(void) {
  for (int i = 0; i < waited; i++) close(ready[i]);
  close(poller);
}

/* ---- memory ---- */

static char *pages(size_t bytes) {
  char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) fail("mmap");
  return p;
}

/* Maps and unmaps 64 KiB that nothing touches. */
static void callMmap(long loops) {
  for (long i = 0; i < loops; i++) check(munmap(pages(65536), 65536), "munmap");
}

/* One page fault per loop. The mapping, which all loops share, and its release are part of the time. */
static void callFault(long loops) {
  const size_t bytes = (size_t)loops * 4096;
  char *p = pages(bytes);
  madvise(p, bytes, MADV_NOHUGEPAGE);
  for (long i = 0; i < loops; i++) ((volatile char *)p)[(size_t)i * 4096] = 1;
  check(munmap(p, bytes), "munmap");
}

/* ---- files ---- */

static char file[256];
static const char *folder;

static void path(char *to, long number) {
  if (snprintf(to, sizeof file, "%s/isobench-calls-%d-%ld", folder, (int)getpid(), number) >= (int)sizeof file)
    fail("the folder's name is too long");
}

static void create(const char *name) { close((int)check(open(name, O_CREAT | O_WRONLY, 0600), name)); }

static void startFile(void) {
  path(file, 0);
  create(file);
}

static void stopFile(void) { check(unlink(file), file); }

static void callStat(long loops) {
  struct stat status;
  for (long i = 0; i < loops; i++) check(stat(file, &status), "stat");
}

static void callOpen(long loops) {
  for (long i = 0; i < loops; i++) close((int)check(open(file, O_RDONLY), "open"));
}

/* Batches of unlink are short, because their files must exist before. */
enum { unlinked = 256 };
static char names[unlinked][sizeof file];

static void beforeUnlink(long loops) {
  for (long i = 0; i < loops; i++) {
    path(names[i], i + 1);
    create(names[i]);
  }
}

static void callUnlink(long loops) {
  for (long i = 0; i < loops; i++) check(unlink(names[i]), "unlink");
}

/* ---- processes and threads ---- */

static void await(pid_t child) {
  int status;
  check(waitpid(child, &status, 0), "waitpid");
  errno = 0;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("the child failed");
}

static void callFork(long loops) {
  for (long i = 0; i < loops; i++) {
    pid_t child = (pid_t)check(fork(), "fork");
    if (child == 0) _exit(0);
    await(child);
  }
}

/* Executes this program, which is static and ends at once. */
static void callExec(long loops) {
  char *const argv[] = {"isobench-calls", "exit", NULL};
  for (long i = 0; i < loops; i++) {
    pid_t child = (pid_t)check(fork(), "fork");
    if (child == 0) {
      execve("/proc/self/exe", argv, environ);
      _exit(1);
    }
    await(child);
  }
}

static void *end(void *none) { return none; }

static void callThread(long loops) {
  for (long i = 0; i < loops; i++) {
    pthread_t thread;
    errno = pthread_create(&thread, NULL, end, NULL);
    if (errno) fail("pthread_create");
    pthread_join(thread, NULL);
  }
}

/* ---- messages ---- */

/* The descriptors of this side, and the process at the other one. */
static int to, from;
static pid_t partner;

/* Starts a process that returns each byte that it reads. It ends when this side is closed. */
static void startPartner(const int mine[2], const int others[2]) {
  partner = (pid_t)check(fork(), "fork");
  if (partner == 0) {
    close(mine[0]);
    if (mine[1] != mine[0]) close(mine[1]);
    char byte;
    while (read(others[0], &byte, 1) == 1)
      if (write(others[1], &byte, 1) != 1) _exit(1);
    _exit(0);
  }
  close(others[0]);
  if (others[1] != others[0]) close(others[1]);
  from = mine[0];
  to = mine[1];
}

static void startPipe(void) {
  int there[2], back[2];
  check(pipe(there), "pipe");
  check(pipe(back), "pipe");
  startPartner((int[]){back[0], there[1]}, (int[]){there[0], back[1]});
}

static void startSocket(void) {
  int ends[2];
  check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
  startPartner((int[]){ends[0], ends[0]}, (int[]){ends[1], ends[1]});
}

static void roundTrips(long loops) {
  char byte = 1;
  errno = 0;
  for (long i = 0; i < loops; i++)
    if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1) fail("the partner ended");
}

static void stopPartner(void) {
  close(to);
  if (from != to) close(from);
  await(partner);
}

/* The turn: 0 this thread's, 1 the partner's, 2 the end. */
static _Atomic uint32_t turn;
static pthread_t other;

static void pass(uint32_t next) {
  atomic_store(&turn, next);
  syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void waitWhile(uint32_t value) {
  while (atomic_load(&turn) == value) syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void *answer(void *none) {
  for (;;) {
    waitWhile(0);
    if (atomic_load(&turn) == 2) return none;
    pass(0);
  }
}

static void startThread(void) {
  atomic_store(&turn, 0);
  errno = pthread_create(&other, NULL, answer, NULL);
  if (errno) fail("pthread_create");
}

/* A loop is one switch, so two loops are a round trip. */
static void switches(long loops) {
  for (long i = 0; i < loops; i += 2) {
    pass(1);
    waitWhile(1);
  }
}

static void stopThread(void) {
  pass(2);
  pthread_join(other, NULL);
}

/* ---- measurement ---- */

struct call {
  const char *name;
  void (*run)(long loops);
  void (*start)(void), (*stop)(void);
  /* Prepares one batch. Not part of the time. */
  void (*before)(long loops);
  /* Least and most loops of a batch. 0: one, and no limit. */
  long least, most;
};

static const struct call calls[] = {
    {.name = "getpid", .run = callGetpid},
    {.name = "clockGettime", .run = callClock},
    {.name = "futexWake", .run = callFutex},
    {.name = "signal", .run = callSignal, .start = startSignal},
    {.name = "epoll", .run = callEpoll, .start = startEpoll, .stop = stopEpoll},
    {.name = "mmap", .run = callMmap},
    /* At most 16 MiB. */
    {.name = "pageFault", .run = callFault, .most = 4096},
    {.name = "stat", .run = callStat, .start = startFile, .stop = stopFile},
    {.name = "openClose", .run = callOpen, .start = startFile, .stop = stopFile},
    {.name = "unlink", .run = callUnlink, .before = beforeUnlink, .most = unlinked},
    {.name = "fork", .run = callFork},
    {.name = "forkExec", .run = callExec},
    {.name = "threadCreate", .run = callThread},
    {.name = "pipe", .run = roundTrips, .start = startPipe, .stop = stopPartner},
    {.name = "socket", .run = roundTrips, .start = startSocket, .stop = stopPartner},
    {.name = "contextSwitch", .run = switches, .start = startThread, .stop = stopThread, .least = 2},
};

static double batch(const struct call *call, long loops) {
  if (call->before) call->before(loops);
  double at = now();
  call->run(loops);
  return now() - at;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

enum { fewest = 5, batches = 4096 };

/* Prints the call as a member of a JSON object. */
static void measure(const struct call *call, double seconds) {
  static double times[batches];
  measured = call->name;
  if (call->start) call->start();
  long loops = call->least ? call->least : 1;
  while (batch(call, loops) < seconds / 20 && (call->most == 0 || loops < call->most)) loops *= 2;
  int count = 0;
  double until = now() + seconds;
  do times[count++] = batch(call, loops);
  while (count < batches && (count < fewest || now() < until));
  if (call->stop) call->stop();
  qsort(times, count, sizeof *times, compare);
  double median = (times[(count - 1) / 2] + times[count / 2]) / 2;
  printf("\"%s\": {\"ns\": %.3f, \"loops\": %ld, \"batches\": %d}", call->name, 1e9 * median / loops, loops, count);
}

static const struct call *find(const char *name) {
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (strcmp(calls[i].name, name) == 0) return &calls[i];
  errno = ENOENT;
  measured = name;
  fail("there is no such operation");
  return NULL;
}

/* Moves this process to its first CPU. A guest that has no such call has its own scheduler, and stays as it is. */
static void useOneCpu(void) {
  cpu_set_t all, one;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &all)) continue;
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "exit") == 0) return 0;
  double seconds = argc > 3 ? atof(argv[1]) : 0;
  if (!(seconds >= 0.001 && seconds <= 60)) {
    fprintf(stderr, "isobench-calls: usage: isobench-calls SECONDS FOLDER NAME..., 0.001 to 60 seconds\n");
    return 2;
  }
  folder = argv[2];
  signal(SIGPIPE, SIG_IGN);
  useOneCpu();
  printf("{\"seconds\": %g, \"calls\": {", seconds);
  for (int i = 3; i < argc; i++) {
    printf(i == 3 ? "\n " : ",\n ");
    /* A child must not inherit text that is not yet written. */
    fflush(stdout);
    measure(find(argv[i]), seconds);
  }
  printf("\n}}\n");
  return 0;
}
