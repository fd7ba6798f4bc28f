/** The environment of every process in a container: the same on each, and nothing of the host's. */
export const guestEnv: readonly string[] = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'LC_ALL=C',
]
