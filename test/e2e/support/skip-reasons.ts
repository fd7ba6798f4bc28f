/** Why an end-to-end test may skip itself. `skip-reporter.ts` counts the skipped tests by these reasons. */
export const skipReasons = {
  'busy-host': 'other processes used the CPUs, so the truth is unknown',
  'platform-unavailable': 'a platform does not work on this host',
  'program-missing': 'a program is missing on this host',
  'host-kind': 'the host is of another kind: CPUs, KVM, kernel or architecture',
} as const

export type SkipReason = keyof typeof skipReasons
