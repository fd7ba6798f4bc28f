import { bench, expect, finding, lower, platform, workload } from 'isobench'
import { command } from 'isobench/tools'

/**
 * From the creation of the host process to its end, on the host's clock: the paper's end-to-end time (§3.6). The guest
 * runs busybox's `echo`, so what is left is the platform. `firstByte` is the paper's other method, the time until the
 * output of the guest arrives, read from a pipe; `ending` is what of the whole comes after it.
 *
 * Docker and Podman boot through their daemon or command, the others by the runtime itself. A sample is three boots, of
 * which the median counts, because one alone is too noisy on a shared machine; `paper` has fifteen in each of its twenty rounds, so 300.
 */
const boot = workload.boot('boot to the end of echo', {
  metrics: { duration: lower('ms'), firstByte: lower('ms'), ending: lower('%') },
  params: { boots: [3, 15] },
  async run({ boot, params: { boots } }) {
    const all: { whole: number; first: number }[] = []
    for (let n = 0; n < boots; n++) {
      const { milliseconds, firstByteMs } = await boot(command('/bin/busybox', 'echo', 'booted'))
      if (firstByteMs === null) throw new Error('the guest wrote nothing')
      // The exit can be told before the last output is read.
      all.push({ whole: milliseconds, first: Math.min(firstByteMs, milliseconds) })
    }
    return {
      duration: all.map(({ whole }) => whole),
      firstByte: all.map(({ first }) => first),
      ending: all.map(({ whole, first }) => (100 * (whole - first)) / whole),
    }
  },
})

export const booting = bench('boot', boot, {
  params: { boots: [3] },
  profiles: { paper: { boots: [15] } },
  tags: ['startup', 'figure-13', 'figure-14', 'figure-15'],
  timeout: 300,
  expect: { duration: expect.atMost('5s') },
})

const duration = expect(booting.duration)

/**
 * The ratios to Kata and LXC gate; the paper's milliseconds are only shown, and so is gVisor's ratio to runc, which says as
 * much of runc: it starts a command from a mounted image three times as fast as in the paper, and gVisor does not.
 * runc is Docker's runtime without its daemon, the paper's "OCI" line; the paper's LXC boots systemd, so that is meant.
 */
finding(13, 'Containers boot fast, except Kata and LXC, which take over 600 ms', [
  duration.on(platform.named('docker', 'runc', 'crun', 'gvisor')).warn.atMost('600ms'),
  duration.on('kata').warn.atLeast('540ms'),
  duration.on('lxc-systemd').warn.atLeast('540ms'),
  duration.on('kata').worseThan('runc', { by: '3x' }),
  duration.on('lxc-systemd').worseThan('runc', { by: '3x' }),
  duration.on('gvisor').warn.equivalentTo('runc', 200),
  duration.on('gvisor').betterThan('kata'),
  duration.on('gvisor').betterThan('lxc-systemd'),
])

finding(
  14,
  'Of the hypervisors Cloud Hypervisor boots fastest and Firecracker slowest; QEMU microvm is the slowest machine of all',
  [
    duration.ranked('cloud-hypervisor', 'qemu', 'firecracker'),
    ...['qemu', 'firecracker', 'cloud-hypervisor'].map((other) => duration.on('qemu-microvm').worseThan(other)),
  ],
  { failOn: 'never' },
)

finding(
  15,
  'OSv boots faster than Linux on the same hypervisor and about as fast as containers, and the hypervisor matters',
  [
    duration.on('osv').betterThan('qemu'),
    duration.on('osv-firecracker').betterThan('firecracker'),
    duration.on('osv').equivalentTo('runc', 100),
    duration.on('osv-firecracker').betterThan('osv', { by: '1.25x' }),
  ],
)

/** Of a guest that writes one line and ends; what is beyond the 2 % is what a platform takes to be gone. */
finding(
  16,
  'Timing a boot end to end is as accurate as watching its output; ending the guest adds only 1 to 2 %',
  [
    expect(booting.ending)
      .on(platform.family('container', 'secure-container', 'hypervisor', 'unikernel'))
      .atMost('2%'),
  ],
  { failOn: 'never' },
)
