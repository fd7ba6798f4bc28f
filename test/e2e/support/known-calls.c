/*
 * Makes known system calls of x86-64 and no others, without a C library. Each letter of the first argument is a part:
 * p plain, t threads, c children, o orphans, b background of runtimes, u io_uring, v vDSO, i 32-bit calls. The calls
 * never depend on the time, so all runs make the same ones.
 */

typedef unsigned long word;

static long call(long number, long a, long b, long c, long d) {
  long result;
  register long fourth __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                   : "rcx", "r11", "memory");
  return result;
}

/* The interface for 32-bit programs. */
static void call32(long number, long a) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a) : "r8", "r9", "r10", "r11", "memory");
}

static void times(int count, long number) {
  while (count-- > 0) call(number, -1, 0, 0, 0);
}

enum {
  sys_read = 0, sys_rt_sigprocmask = 14, sys_sched_yield = 24, sys_dup2 = 33, sys_nanosleep = 35, sys_fork = 57,
  sys_exit = 60, sys_wait4 = 61, sys_fcntl = 72, sys_times = 100, sys_getppid = 110, sys_getpgid = 121,
  sys_getsid = 124, sys_prctl = 157, sys_futex = 202, sys_exit_group = 231, sys_io_uring_setup = 425,
};

/* Starts a thread that calls getpgid ten times and ends. It has no stack, and the kernel clears `*lives` at its end. */
static void thread(volatile int *lives) {
  /* CLONE_VM, _FS, _FILES, _SIGHAND, _THREAD, _SYSVSEM, _CHILD_CLEARTID */
  long result, flags = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000 | 0x200000;
  register volatile int *clear __asm__("r10") = lives;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "mov $10, %%r12d\n"
      "2:\n\t"
      "mov %[getpgid], %%eax\n\t"
      "xor %%edi, %%edi\n\t"
      "syscall\n\t"
      "dec %%r12d\n\t"
      "jnz 2b\n\t"
      "mov %[exit], %%eax\n\t"
      "syscall\n"
      "1:"
      : "=a"(result)
      : "a"(56), "D"(flags), "S"(0), "d"(0), "r"(clear), [getpgid] "i"(sys_getpgid), [exit] "i"(sys_exit)
      : "rcx", "r11", "r12", "memory");
}

static void threads(void) {
  static volatile int lives[4] = {1, 1, 1, 1};
  for (int at = 0; at < 4; at++) thread(&lives[at]);
  /* No futex: how often a thread waits for another one depends on the time. */
  for (int at = 0; at < 4; at++)
    while (lives[at]) __asm__ volatile("pause");
}

static void children(void) {
  for (int at = 0; at < 200; at++) {
    if (call(sys_fork, 0, 0, 0, 0) == 0) {
      call(sys_times, 0, 0, 0, 0);
      call(sys_exit_group, 0, 0, 0, 0);
    }
    call(sys_wait4, -1, 0, 0, 0);
  }
}

static void orphans(void) {
  /* PR_SET_CHILD_SUBREAPER, so that the program ends after its orphans. */
  call(sys_prctl, 36, 1, 0, 0);
  for (int at = 0; at < 3; at++) {
    if (call(sys_fork, 0, 0, 0, 0) == 0) {
      if (call(sys_fork, 0, 0, 0, 0) == 0) call(sys_getsid, 0, 0, 0, 0);
      call(sys_exit_group, 0, 0, 0, 0);
    }
    call(sys_wait4, -1, 0, 0, 0);
    call(sys_wait4, -1, 0, 0, 0);
  }
}

static int equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

/* Calls clock_gettime 1,000 times by the vDSO, at this address (elf(5), vdso(7)). */
static void vdso(const char *base) {
  const word *dynamic = 0;
  const char *strings = 0, *symbols = 0;
  const char *header = base + *(const word *)(base + 32);
  for (int at = *(const unsigned short *)(base + 56); at > 0; at--, header += 56)
    if (*(const unsigned *)header == 2) dynamic = (const word *)(base + *(const word *)(header + 16));
  for (; dynamic && dynamic[0]; dynamic += 2) {
    if (dynamic[0] == 5) strings = base + dynamic[1];
    if (dynamic[0] == 6) symbols = base + dynamic[1];
  }
  /* The names come right after the symbols. */
  for (; symbols && symbols < strings; symbols += 24)
    if (equal(strings + *(const unsigned *)symbols, "__vdso_clock_gettime")) {
      int (*gettime)(int, long *) = (int (*)(int, long *))(base + *(const word *)(symbols + 8));
      long time[2];
      for (int at = 0; at < 1000; at++) gettime(1, time);
      return;
    }
  call(sys_exit_group, 70, 0, 0, 0);
}

static void part(char letter, const char *vdsoBase) {
  long moment[2] = {0, 1000};
  static unsigned params[30];
  switch (letter) {
    case 'p':
      times(5, sys_getppid);
      times(2, sys_read);
      times(1, sys_fcntl);
      times(1, sys_dup2);
      call(sys_rt_sigprocmask, 0, 0, 0, 8);
      break;
    case 't': threads(); break;
    case 'c': children(); break;
    case 'o': orphans(); break;
    case 'b':
      for (int at = 0; at < 20; at++) {
        call(sys_nanosleep, (long)moment, 0, 0, 0);
        call(sys_futex, (long)params, 1, 1, 0);
        call(sys_sched_yield, 0, 0, 0, 0);
      }
      break;
    case 'u': call(sys_io_uring_setup, 1, (long)params, 0, 0); break;
    case 'v': vdso(vdsoBase); break;
    case 'i':
      for (int at = 0; at < 7; at++) call32(20, 0);
      for (int at = 0; at < 2; at++) call32(64, 0);
      call32(4, -1);
      break;
  }
}

__attribute__((used)) static void run(long *stack) {
  char **arguments = (char **)(stack + 1);
  long *auxiliary = stack + 1 + stack[0] + 1;
  while (*auxiliary) auxiliary++;
  const char *vdsoBase = 0;
  /* AT_SYSINFO_EHDR */
  for (auxiliary++; auxiliary[0]; auxiliary += 2)
    if (auxiliary[0] == 33) vdsoBase = (const char *)auxiliary[1];
  for (const char *letter = stack[0] > 1 ? arguments[1] : ""; *letter; letter++) part(*letter, vdsoBase);
  call(sys_exit_group, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall run");
