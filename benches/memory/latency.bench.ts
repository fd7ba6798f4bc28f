import { bench, expect, finding, lower, workload } from 'isobench'
import { command } from 'isobench/tools'
import { copying } from './copy.bench.ts'

/**
 * Runs in the guest's node: follows a chain that leads once through every 64-byte line of a buffer in random order, so that
 * each read has to wait for the one before it. Prints the mean nanoseconds of a read, by the guest's clock.
 */
function chase(bytes: number, seconds: number): void {
  const perLine = 16
  const lines = bytes / 64
  const order = Uint32Array.from({ length: lines }, (_, line) => line)
  // Sattolo's shuffle gives one single cycle; a fixed seed gives the same one everywhere.
  let state = 1
  for (let last = lines - 1; last > 0; last--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = Math.floor((state / 2 ** 32) * last)
    const held = order[last]!
    order[last] = order[other]!
    order[other] = held
  }
  const buffer = new Uint32Array(lines * perLine)
  for (let line = 0; line < lines; line++) buffer[line * perLine] = order[line]! * perLine
  const follow = (from: number, reads: number): number => {
    let at = from
    for (let read = 0; read < reads; read++) at = buffer[at]!
    return at
  }
  const batch = 1_000_000
  // Warms the machine code and the caches up.
  let at = follow(0, Math.max(batch, lines))
  let reads = 0
  const started = process.hrtime.bigint()
  let passed = 0n
  while (passed < BigInt(seconds * 1e9)) {
    at = follow(at, batch)
    reads += batch
    passed = process.hrtime.bigint() - started
  }
  console.log(`at ${at}: ${Number(passed) / reads} ns`)
}

/**
 * Random read latency in buffers of 2^16 to 2^26 bytes: the paper's memory latency (§3.2, Fig. 6). The paper's tool,
 * tinymembench, has no options and comes to its latencies after minutes, so this follows a chain of pointers instead: the
 * whole time of a dependent read, where tinymembench shows what it takes beyond a hit in the L1 cache. `quick` and `paper`
 * measure the same four sizes of the paper's eleven.
 */
const randomAccess = workload('random memory access', {
  metrics: { latency: lower('ns') },
  params: { log2bytes: [16, 20, 23, 26] },
  async run({ guest, seconds, params: { log2bytes } }) {
    const { stdout } = await guest.exec(command('node', '-e', `(${chase})(${2 ** log2bytes}, ${seconds})`))
    const latency = Number(/^at \d+: (\S+) ns$/m.exec(stdout)?.[1])
    if (!(latency > 0)) throw new Error(`no latency in ${JSON.stringify(stdout.slice(0, 200))}`)
    return { latency }
  },
})

export const access = bench('memory latency', randomAccess, {
  tags: ['memory', 'slow', 'figure-6'],
  expect: { latency: expect.warn.withinNative(10) },
})

const large = expect(access.latency).where({ log2bytes: 26 })
const copy = expect(copying.bandwidth)

finding(
  3,
  'Most hypervisors slow memory down, but Kata on QEMU and OSv on QEMU do not: a hypervisor need not cost memory performance',
  [
    large.on('kata').withinNative(9),
    copy.on('kata').withinNative(9),
    large.on('osv').withinNative(9),
    copy.on('osv').withinNative(9),
  ],
  {
    undecided: [
      'that two or more of QEMU, Firecracker and Cloud Hypervisor are 5 % slower in latency or copying: no matcher counts platforms',
    ],
  },
)

finding(
  4,
  'Firecracker is the outlier in memory; Cloud Hypervisor is slower in latency but not in throughput, and QEMU the reverse',
  [
    ...['native', 'docker'].map((other) => large.on('firecracker').slowerThan(other, { by: '1.09x' })),
    ...['native', 'docker'].map((other) => copy.on('firecracker').slowerThan(other, { by: '1.1x' })),
    ...['qemu', 'cloud-hypervisor'].flatMap((other) => [
      large.on('firecracker').slowerThan(other),
      copy.on('firecracker').slowerThan(other),
    ]),
    large.on('cloud-hypervisor').slowerThan('native', { by: '1.05x' }),
    copy.on('cloud-hypervisor').withinNative(5),
    large.on('qemu').withinNative(5),
    copy.on('qemu').slowerThan('native', { by: '1.05x' }),
  ],
  { undecided: ['that Firecracker is last of all platforms: no matcher ranks one platform among all'] },
)

finding(
  5,
  "OSv's memory performance depends on its hypervisor: worse on Firecracker than on QEMU, where it is close to native",
  [
    large.on('osv-firecracker').slowerThan('osv', { by: '1.05x' }),
    copy.on('osv-firecracker').slowerThan('osv', { by: '1.05x' }),
    large.on('osv').withinNative(5),
    copy.on('osv').withinNative(5),
  ],
  { gate: 'never' },
)
