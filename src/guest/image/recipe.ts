import { createHash } from 'node:crypto'

/** What the image is made of. Two recipes with the same digest give the same tools. */
export interface Recipe {
  readonly suite: string
  readonly components: readonly string[]
  readonly packages: readonly string[]
}

/**
 * The tools that the suite's benches measure with, what they need, a static busybox for start-up tests, and systemd for
 * system containers.
 */
const packages = [
  'busybox-static',
  'ca-certificates',
  'dbus',
  'ffmpeg',
  'fio',
  'iperf3',
  'iproute2',
  'libmemcached-tools',
  'mariadb-server',
  'mbw',
  'memcached',
  'netperf',
  'nodejs',
  'procps',
  'socat',
  'stress-ng',
  'sysbench',
  'systemd-sysv',
  'tinymembench',
]

/** Counts up when the way of building changes what comes out. */
const version = 2

/** isobench's recipe, with an author's packages beside its own. netperf is in non-free. */
export const recipe = (extra: readonly string[] = []): Recipe => ({
  suite: 'trixie',
  components: ['main', 'contrib', 'non-free'],
  packages: [...new Set([...packages, ...extra])].sort(),
})

/** Names the image that a recipe gives: 16 hexadecimal digits of SHA-256. */
export const digestOf = (of: Recipe): string =>
  createHash('sha256')
    .update(JSON.stringify([version, of]))
    .digest('hex')
    .slice(0, 16)
