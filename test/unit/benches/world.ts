/**
 * One plausible world: what each platform costs in each bench, so that every finding holds that can hold together with
 * the others. No figure is real. Each has a reason from the paper or from how the platform works.
 */

import type { ParamValue } from '../../../src/dsl/workload.ts'

const containers = 'runc crun docker podman lxc lxc-systemd bubblewrap nspawn'
const gvisors = 'gvisor gvisor-ptrace gvisor-kvm gvisor-gofer gvisor-hostnet'
const katas = 'kata kata-go kata-9p'
const qemus = 'qemu qemu-q35 qemu-qboot qemu-microvm qemu-virtiofs qemu-9p'
const machines = `${qemus} firecracker cloud-hypervisor osv osv-firecracker user-mode-linux`

/** The platforms, what they cost, and why. Above 1 is worse than native, for a rate too. */
export type Cost = readonly [platforms: string, cost: number, why: string]

export interface Row {
  /** The name of a bench, or how the names of several begin. */
  readonly bench: string
  readonly metric: string
  /** The cases: all of the bench that have these parameters. */
  readonly where?: Readonly<Record<string, ParamValue>>
  /** The value of native, in the unit of the metric. */
  readonly native: number
  /** The costs are values in the unit of the metric. Otherwise they are relative to native. */
  readonly absolute?: true
  /** A later entry replaces an earlier one. */
  readonly costs: readonly Cost[]
  /** Half of the range of a round's noise, relative. Default: 0.005. */
  readonly noise?: number
  /** Why platforms may be better than native here. */
  readonly belowNative?: string
}

const cpu: Row[] = [
  {
    bench: 'prime verification',
    metric: 'events',
    native: 1000,
    costs: [
      [containers, 1.002, 'the same instructions on the same kernel'],
      [gvisors, 1.01, 'user code runs on the CPU; only its few system calls go to the sentry'],
      [`${katas} ${qemus} firecracker cloud-hypervisor`, 1.012, 'KVM runs guest code natively; timers cause exits'],
      ['osv osv-firecracker', 1.012, '"every isolation platform, including OSv, performed nearly equivalently" (3.1)'],
      ['user-mode-linux', 1.15, 'each trap of a guest process is a context switch on the host'],
    ],
  },
  {
    bench: 'video encoding',
    metric: 'encoding',
    native: 65_000,
    costs: [
      [containers, 1.005, '"most of the runs end up at around 65000 milliseconds" (3.1)'],
      [gvisors, 1.03, 'futexes of the encoder go through the sentry'],
      [katas, 1.03, 'a guest kernel schedules the threads of the encoder'],
      [`${qemus} firecracker cloud-hypervisor`, 1.035, 'as Kata, with more exits for timers'],
      ['osv osv-firecracker', 1.5, 'a custom thread scheduler: "significantly more time" (3.1)'],
      ['user-mode-linux', 1.6, 'as with primes, but with more system calls'],
    ],
  },
]

const memory: Row[] = [
  {
    bench: 'memory latency',
    metric: 'latency',
    native: 80,
    costs: [
      [`${containers} ${gvisors}`, 1.005, 'the page tables of the host alone'],
      [katas, 1.03, 'two levels of page tables, with NVDIMM: "not victim to the reduced memory latency" (3.2)'],
      [qemus, 1.02, 'two levels of page tables, huge pages below; finding 4: no effect on latency'],
      ['cloud-hypervisor', 1.12, '"larger as well, but not to the same extent as Firecracker" (3.2)'],
      ['firecracker', 1.35, '"a higher average latency" (3.2), small pages on both levels'],
      ['osv', 1.015, 'one address space, so few misses of the TLB; finding 5: close to native'],
      ['osv-firecracker', 1.32, 'the memory of Firecracker below the same OSv'],
      ['user-mode-linux', 1.1, 'guest memory is a mapped file'],
    ],
  },
  {
    bench: 'memory copy',
    metric: 'plain',
    native: 10_000,
    costs: [
      [`${containers} ${gvisors}`, 1.005, 'the page tables of the host alone'],
      [katas, 1.03, 'NVDIMM "directly maps between the VM and host" (3.2)'],
      [qemus, 1.12, 'finding 4: the opposite of Cloud Hypervisor'],
      ['cloud-hypervisor', 1.02, 'finding 4: "but not for throughput"'],
      ['firecracker', 1.4, 'finding 4: "scoring substantially lower than the other platforms"'],
      ['osv', 1.02, 'finding 5: close to native'],
      ['osv-firecracker', 1.36, 'the memory of Firecracker below the same OSv'],
      ['user-mode-linux', 1.1, 'guest memory is a mapped file'],
    ],
  },
]

const files: Row[] = [
  {
    bench: 'file throughput',
    metric: 'bandwidth',
    where: { rw: 'read' },
    native: 2000,
    costs: [
      [containers, 1.01, 'a bind mount of the same disk'],
      [gvisors, 2.6, 'every request passes the sentry: "in the best case reaching only half" (3.3)'],
      ['gvisor-gofer', 2.9, 'and the gofer'],
      ['kata kata-go', 1.06, 'virtio-fs is "on-par with the performance of the QEMU platform" (3.3)'],
      ['kata-9p', 2.6, '9P as a network file system: "only half of the speeds" (3.3)'],
      [qemus, 1.04, 'virtio-blk with requests of 128 KiB: finding 9: close to native'],
      ['qemu-9p', 2.4, '9P, as on Kata'],
      ['qemu-virtiofs', 1.1, 'virtio-fs, as on Kata'],
      ['cloud-hypervisor firecracker', 1.5, '"significantly worse, with lower throughput" (3.3)'],
      ['osv osv-firecracker', 1.2, 'virtio-blk; the paper has no libaio for it'],
      ['user-mode-linux', 2, 'its block driver makes one system call for each request'],
    ],
  },
  {
    bench: 'file throughput',
    metric: 'bandwidth',
    where: { rw: 'write' },
    native: 1500,
    noise: 0.01,
    costs: [
      [containers, 1.02, 'a bind mount of the same disk'],
      [gvisors, 2.8, 'every request passes the sentry'],
      ['gvisor-gofer', 3.1, 'and the gofer'],
      ['kata kata-go', 1.1, 'virtio-fs'],
      ['kata-9p', 3, '9P, as for reads'],
      [qemus, 1.06, '"The write speeds of these platforms come close to that of native" (3.3)'],
      ['qemu-9p', 2.6, '9P, as on Kata'],
      ['qemu-virtiofs', 1.14, 'virtio-fs, as on Kata'],
      ['cloud-hypervisor firecracker', 1.6, '"significantly worse, with lower throughput" (3.3)'],
      ['osv osv-firecracker', 1.3, 'virtio-blk'],
      ['user-mode-linux', 2, 'one system call for each request'],
    ],
  },
  {
    bench: 'opening files',
    metric: 'throughput',
    native: 100_000,
    costs: [
      [containers, 1.02, 'the same kernel'],
      [gvisors, 4, 'the sentry opens files on the host itself (directfs)'],
      ['gvisor-gofer', 9, 'each open is a message to another process'],
      [`${katas} qemu-virtiofs qemu-9p`, 6, 'each open is a message to the host'],
      ['qemu qemu-q35 qemu-qboot qemu-microvm firecracker cloud-hypervisor', 1.05, "the guest's own file system"],
      ['osv osv-firecracker', 1.1, "the guest's own file system"],
      ['user-mode-linux', 5, 'each system call is a context switch on the host'],
    ],
  },
]

const network: Row[] = [
  {
    bench: 'network bandwidth',
    metric: 'bandwidth',
    native: 37.28,
    costs: [
      [containers, 1.1, 'a bridge: "9.84% and 9.19% performance penalty" (3.4)'],
      [gvisors, 6, 'its own network stack: "an extreme outlier" (3.4)'],
      ['gvisor-hostnet', 1.2, "the host's network stack, with system calls through the sentry"],
      [`${qemus} firecracker`, 1.36, 'tap and virtio-net: "in the order of 25%" (3.4)'],
      [katas, 1.37, 'its "weakest link" is QEMU (3.4)'],
      ['cloud-hypervisor', 2, '"severe inefficiencies in its implementation" (3.4)'],
      ['osv', 1.025, '36.36 of 37.28 Gbit/s (3.4): no copy between kernel and user'],
      ['osv-firecracker', 1.28, '6.53 % above Linux on Firecracker (3.4)'],
      ['user-mode-linux', 5, 'packets through a file descriptor, one by one'],
    ],
  },
  ...(['mean', 'p90'] as const).map(
    (metric): Row => ({
      bench: 'network round trip',
      metric,
      native: metric === 'mean' ? 20 : 24,
      costs: [
        [containers, 1.1, 'a bridge'],
        [gvisors, metric === 'mean' ? 4.4 : 4.8, '"3 to 4 times that of its competitors" (finding 12)'],
        ['gvisor-hostnet', 1.8, "the host's network stack, with system calls through the sentry"],
        [katas, 1.35, 'behind a bridge and virtio-net, yet before the hypervisors in Fig. 12: vhost-net in the host'],
        [qemus, 1.6, 'two exits for each packet'],
        ['firecracker', 1.62, 'as QEMU, in user space'],
        ['cloud-hypervisor', 1.64, 'as Firecracker'],
        ['osv', 1.5, 'no switch between user and kernel in the guest; "slightly lower latencies" (finding 11)'],
        ['osv-firecracker', 1.52, 'as OSv on QEMU'],
        ['user-mode-linux', 4, 'several context switches on the host for each packet'],
      ],
    }),
  ),
]

const startup: Row[] = [
  {
    bench: 'boot',
    metric: 'duration',
    native: 2,
    absolute: true,
    costs: [
      ['runc', 100, '"around 100 ms" (3.5)'],
      ['crun', 80, 'as runc, written in C'],
      ['docker', 350, 'runc and "a slowdown of around 250 milliseconds" by the daemon (3.5)'],
      ['podman', 250, 'runc and conmon, without a daemon'],
      ['lxc', 120, 'namespaces as runc'],
      ['lxc-systemd', 800, '"800 ms ... can be attributed to the systemd init system" (3.5)'],
      ['bubblewrap', 10, 'one process that makes namespaces'],
      ['nspawn', 90, 'namespaces as runc'],
      [gvisors, 190, '"around 190 ms" (3.5)'],
      ['kata-go kata-9p', 660, 'as Kata, with more shared folders to set up'],
      ['kata', 620, '"at 600 ms" (3.5): namespaces and a hypervisor'],
      ['qemu qemu-virtiofs qemu-9p', 280, 'firmware and a Linux kernel'],
      ['qemu-q35', 290, 'as QEMU, with a larger machine'],
      ['qemu-qboot', 270, 'a minimal firmware'],
      ['qemu-microvm', 420, '"it only leads to increased startup time" (3.5)'],
      ['firecracker', 350, '"around 350 milliseconds" (3.5)'],
      ['cloud-hypervisor', 200, '"significantly outperforming the other hypervisors" (3.5)'],
      ['osv', 160, 'no init and few drivers, but the firmware of QEMU'],
      ['osv-firecracker', 104, '"Firecracker is the fastest" of the hypervisors of OSv (3.5)'],
      ['user-mode-linux', 300, 'a Linux kernel as a process'],
    ],
  },
  {
    bench: 'boot',
    metric: 'ending',
    native: 1,
    absolute: true,
    costs: [
      [`${containers} ${gvisors} ${katas}`, 1.2, '"negligibly (1-2%) small" (finding 16)'],
      [machines, 1.6, '"negligibly (1-2%) small" (finding 16)'],
    ],
  },
]

const resources: Row[] = [
  {
    bench: 'boot phases',
    metric: 'toInit',
    native: 1,
    absolute: true,
    costs: [
      [`${containers} ${gvisors}`, 1, 'no phase of theirs: they boot no kernel'],
      [`${katas} ${qemus} osv osv-firecracker user-mode-linux`, 250, 'firmware, devices and a kernel'],
      ['cloud-hypervisor', 150, 'no firmware'],
      ['firecracker', 110, '"<= 125 ms" (its specification, 2026-6)'],
    ],
  },
  {
    bench: 'vmm start',
    metric: 'memory',
    native: 1,
    absolute: true,
    costs: [
      [`${containers} ${gvisors}`, 1, 'no VMM'],
      [`${katas} ${qemus} osv user-mode-linux`, 40, 'a VMM with many devices'],
      ['cloud-hypervisor', 8, 'a small VMM'],
      ['firecracker osv-firecracker', 4, '"<= 5 MiB" (its specification, 2026-6)'],
    ],
  },
  ...(['idle', 'afterWork'] as const).map(
    (metric): Row => ({
      bench: 'guest memory',
      metric,
      native: 1,
      absolute: true,
      costs: [
        [containers, 2, 'a process, and its namespaces'],
        [gvisors, 100, 'the sentry and the gofer: at most "~206.0 MiB" (GKE, 2026-4)'],
        [katas, 1000, 'a kernel, a VMM, virtiofsd and a shim: three times gVisor (GKE, 2026-4)'],
        [machines, 200, 'a kernel and a VMM'],
      ],
    }),
  ),
  {
    bench: 'density',
    metric: 'guestsPerGiB',
    native: 1000,
    costs: [
      [containers, 2, 'a process, and its namespaces'],
      [gvisors, 100, '80 Pods against 40 of Kata (GKE, 2026-5)'],
      [katas, 400, 'as the memory of a guest'],
      [machines, 200, 'a kernel and a VMM'],
    ],
  },
]

const snapshots: Row[] = [
  {
    bench: 'snapshot',
    metric: 'gain',
    native: 1,
    absolute: true,
    costs: [
      [containers, 1, 'CRIU takes longer than a container needs to start'],
      [gvisors, 1.02, '"Workloads that already have fast startup times generally won\'t benefit" (GKE, 2026-3)'],
      [`${katas} ${qemus} user-mode-linux`, 8, 'a restored machine has its firmware and kernel behind it'],
      ['firecracker cloud-hypervisor osv osv-firecracker', 8, 'as QEMU'],
    ],
  },
]

const apps: Row[] = [
  {
    bench: 'memcached',
    metric: 'throughput',
    native: 100_000,
    costs: [
      [containers, 1.1, 'the bridge, as in the round trip'],
      ['lxc lxc-systemd', 1.05, '"in particular LXC" (finding 17)'],
      [gvisors, 4, 'its network stack (finding 19)'],
      ['gvisor-hostnet', 1.6, "the host's network stack, with system calls through the sentry"],
      [qemus, 1.25, 'tap and virtio-net'],
      ['firecracker', 1.4, 'a newer hypervisor, with slow memory (finding 4)'],
      ['cloud-hypervisor', 1.45, 'a newer hypervisor, with a slow network'],
      [katas, 1.6, '"a score significantly lower than most" (finding 18)'],
      ['osv osv-firecracker', 1.3, 'one CPU in the paper'],
      ['user-mode-linux', 5, 'several context switches on the host for each packet'],
    ],
  },
  ...([1, 3, 7] as const).map((threadsPerCpu): Row => {
    /** One of three numbers, for 1, 3 and 7 threads per CPU. */
    const at = (one: number, three: number, seven: number) => [one, three, seven][[1, 3, 7].indexOf(threadsPerCpu)]!
    return {
      bench: 'OLTP on MariaDB',
      metric: 'throughput',
      where: { threadsPerCpu },
      native: at(600, 970, 1060),
      noise: 0.03,
      costs: [
        [`${containers} qemu-q35 qemu-qboot`, at(1.02, 1, 1.2), 'peaks at about 50 threads (finding 20)'],
        ['lxc lxc-systemd', at(1.02, 1, 1.2), 'as Docker: "no stable ranking" (finding 23)'],
        ['qemu cloud-hypervisor', at(1.02, 1, 1.2), 'as Docker: "all perform alike" (finding 23)'],
        [`${katas} qemu-microvm qemu-virtiofs qemu-9p`, at(1.7, 1.96, 2.5), 'the latency of its files (finding 22)'],
        ['firecracker', at(1.7, 1.96, 2.5), 'the latency of its memory (finding 22)'],
        [gvisors, at(2.5, 4, 4.4), 'its threads and its network: flat over the threads (finding 21)'],
        ['gvisor-hostnet', at(1.2, 1.9, 2.1), 'the same threads, but the network of the host'],
        ['osv osv-firecracker', at(3, 4.9, 5.3), 'its threads: flat over the threads (finding 21)'],
        ['user-mode-linux', at(5, 8, 9), 'system calls are slow'],
      ],
    }
  }),
]

const guestKernel = 'a guest with its own kernel answers most system calls itself'

/** While a guest works, the processes that it does not reach are idle: both counts are the same. */
const profile: Row[] = [
  ...(
    [
      'functionCallsPerUnit',
      'reachableFunctionCallsPerUnit',
      'syscallCallsPerUnit',
      'reachableSyscallCallsPerUnit',
    ] as const
  ).map(
    (metric): Row => ({
      bench: 'attack profile',
      metric,
      native: 1000,
      costs: [
        [containers, 1.05, 'the same system calls, and cgroups'],
        [gvisors, 2.9, 'the sentry calls the host for memory, files and futexes'],
        [katas, 3.4, 'a hypervisor, virtiofsd and an agent'],
        [qemus, 2.6, 'exits, the main loop, vhost'],
        ['firecracker', 3.8, 'each request of a device is a system call of its VMM (finding 24)'],
        ['cloud-hypervisor', 0.9, '"not fully supporting all functionality" (finding 25)'],
        ['osv osv-firecracker', 0.6, '"sparingly" (finding 27): no system calls inside the guest'],
        ['user-mode-linux', 4, 'each trap of a guest process is several system calls'],
      ],
      belowNative: guestKernel,
    }),
  ),
  ...(['functions', 'reachableFunctions', 'syscalls', 'reachableSyscalls'] as const).map(
    (metric): Row => ({
      bench: 'attack profile',
      metric,
      native: 400,
      costs: [
        [containers, 1.1, 'the same system calls, and cgroups'],
        [gvisors, 1.9, '"higher than expected" (finding 26)'],
        [katas, 2.2, 'namespaces and a hypervisor (finding 26)'],
        [qemus, 1.5, 'KVM, and what the main loop calls'],
        ['firecracker', 1.9, '"a much wider interface" than QEMU (finding 24)'],
        ['cloud-hypervisor', 0.95, '"very few" (finding 25)'],
        ['osv osv-firecracker', 0.8, '"closely followed by containers" (conclusion 8)'],
        ['user-mode-linux', 1.6, 'ptrace, and files of the host'],
      ],
      belowNative: guestKernel,
    }),
  ),
]

export const rows: readonly Row[] = [
  ...cpu,
  ...memory,
  ...files,
  ...network,
  ...startup,
  ...resources,
  ...snapshots,
  ...apps,
  ...profile,
]

/** What each platform costs in a row, and why. */
export function costsOf({
  absolute,
  costs,
  native,
}: Row): Map<string, { readonly cost: number; readonly why: string }> {
  const all = new Map([['native', { cost: absolute ? native : 1, why: 'the reference' }]])
  for (const [names, cost, why] of costs) for (const name of names.split(' ')) all.set(name, { cost, why })
  return all
}
