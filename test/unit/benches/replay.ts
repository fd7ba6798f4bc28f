/** The facts that the paper's text states, as an import: every number comes out of the fixture, none is made up. */

import { readFileSync } from 'node:fs'
import { type BenchData, claimsOf, type Suite } from '../../../src/core/model/suite.ts'
import { pointsFor } from './synthetic.ts'

interface Fact {
  readonly id: string
  readonly platform?: string
  readonly value: string | number | [number, number]
}

const file = new URL('../../fixtures/paper/stated-facts.json', import.meta.url)
const { facts } = JSON.parse(readFileSync(file, 'utf8')) as { facts: Fact[] }

const fact = (id: string): Fact => facts.find((one) => one.id === id)!
const number = (id: string): number => {
  const { value } = fact(id)
  if (typeof value !== 'number') throw new Error(`the fact ${id} states no number`)
  return value
}
const range = (id: string): [number, number] => {
  const { value } = fact(id)
  if (!Array.isArray(value)) throw new Error(`the fact ${id} states no range`)
  return value
}

const aliases: Record<string, string> = { chv: 'cloud-hypervisor', 'osv-fc': 'osv-firecracker', 'osv-qemu': 'osv' }
const named = (text: string) => aliases[text] ?? text
/** `a < b ~ c < d`, as the facts write an order. */
const publishedOrder = (id: string) =>
  fact(id)
    .platform!.split(' < ')
    .map((group) => group.split(' ~ ').map(named))

const containers = ['docker', 'lxc']
const hypervisors = ['qemu', 'firecracker', 'cloud-hypervisor']
const all = ['native', ...containers, 'gvisor', 'kata', ...hypervisors, 'osv', 'osv-firecracker']
const but = (...names: string[]) => all.filter((name) => !names.includes(name))
/** The paper's third group at OLTP, and who is like native at files. */
const alike = ['native', ...containers, 'qemu', 'cloud-hypervisor']
const files = ['native', ...containers, 'qemu']

const families: Record<string, string> = {
  kata: 'secure-container',
  'kata-go': 'secure-container',
  'kata-9p': 'secure-container',
  qemu: 'hypervisor',
  'qemu-qboot': 'hypervisor',
  'qemu-microvm': 'hypervisor',
  firecracker: 'hypervisor',
  'cloud-hypervisor': 'hypervisor',
  osv: 'unikernel',
  'osv-firecracker': 'unikernel',
  'osv-microvm': 'unikernel',
}

type About = { bench: string; metric: string; params: Readonly<Record<string, unknown>> }

/** What the claims of a finding are about, each once. */
function aboutOf(suite: Suite, id: number, wanted: (about: About) => boolean = () => true): About[] {
  const benches = new Map<string, BenchData>(suite.benches.map((bench) => [bench.id, bench]))
  const found = claimsOf(suite.findings.find((one) => one.id === id)!).flatMap((claim) =>
    pointsFor(claim, benches.get(claim.bench)!).map(({ params }) => ({
      bench: claim.bench,
      metric: claim.metric,
      params,
    })),
  )
  return [...new Map(found.map((one) => [JSON.stringify(one), one])).values()].filter(wanted)
}

/** @param printed also finding 22 as it is printed, with gVisor in the second group */
export function factsAsImport(suite: Suite, { printed }: { readonly printed: boolean }): object {
  const state = (note: string, about: About[], what: object) => about.map((one) => ({ ...one, ...what, note }))
  const in_ = (part: string) => (about: About) => about.bench.includes(part)
  const boots = aboutOf(suite, 13)
  const bandwidth = aboutOf(suite, 101)
  const boot = (id: string, platform: string) =>
    state(id, boots, { platforms: [platform], unit: 'ms', value: number(id) })
  const penalty = (id: string, ...platforms: string[]) =>
    state(id, bandwidth, { platforms, to: ['native'], ratio: 1 - number(id) / 100 })
  const order = (id: string, about: About[], ...groups: string[][]) => state(id, about, { order: groups })
  const latency = aboutOf(suite, 4, ({ params }) => 'log2bytes' in params)
  const copy = aboutOf(suite, 4, ({ params }) => !('log2bytes' in params))
  const oltp = aboutOf(suite, 22)
  // The paper's guests have 16 CPUs.
  const peak = (id: string, ...platforms: string[]) => {
    const { bench, metric } = oltp[0]!
    return state(id, [{ bench, metric, params: {} }], { platforms, over: 'threadsPerCpu', peak: number(id) / 16 })
  }
  const second = printed ? ['kata', 'firecracker', 'gvisor'] : ['kata', 'firecracker']
  const advantage = 1 + number('iperf.osv_qemu') / 100
  return {
    isobench: 'import',
    version: 1,
    source: 'van Rijn and Rellermeyer, Middleware 2021, its text alone',
    platforms: Object.fromEntries(
      [...all, 'runc', 'lxc-systemd', 'kata-go', 'kata-9p', 'qemu-qboot', 'qemu-microvm', 'osv-microvm'].map((name) => [
        name,
        families[name] ? { family: families[name] } : {},
      ]),
    ),
    published: [
      ...order('sysbench.cpu.all', aboutOf(suite, 2, in_('prime')), all),
      ...order('ffmpeg.osv', aboutOf(suite, 1, in_('video')), but('osv', 'osv-firecracker'), ['osv']),
      ...order(
        'tinymem.fc',
        latency,
        but('firecracker', 'cloud-hypervisor', 'osv-firecracker'),
        ['cloud-hypervisor'],
        ['firecracker'],
      ),
      ...order('memcopy.hv', copy, but(...hypervisors, 'osv-firecracker'), hypervisors),
      ...order(
        'fio.parity',
        aboutOf(suite, 9, ({ params }) => params.rw === 'read'),
        files,
      ),
      ...order(
        'fio.write',
        aboutOf(suite, 9, ({ params }) => params.rw === 'write'),
        files,
      ),
      // The paper's Kata shares files by 9P.
      ...state('fio.secure', aboutOf(suite, 6), {
        platforms: ['gvisor', 'kata-9p'],
        to: files,
        ratio: [0, number('fio.secure')],
      }),
      ...order('fio.chv', aboutOf(suite, 9), files, ['cloud-hypervisor']),
      ...order('fio.kata.virtiofs', aboutOf(suite, 7), ['kata', 'kata-go', 'qemu'], ['kata-9p']),
      ...state('iperf.native', bandwidth, { platforms: ['native'], unit: 'Gbit/s', value: number('iperf.native') }),
      ...state('iperf.osv', bandwidth, { platforms: ['osv'], unit: 'Gbit/s', value: number('iperf.osv') }),
      // Of OSv's or of QEMU's throughput: the text fits both readings.
      ...state('iperf.osv_qemu', bandwidth, {
        platforms: ['osv'],
        to: ['qemu'],
        ratio: [advantage, 1 / (1 - number('iperf.osv_qemu') / 100)],
      }),
      ...state('iperf.osvfc_fc', bandwidth, {
        platforms: ['osv-firecracker'],
        to: ['firecracker'],
        ratio: 1 + number('iperf.osvfc_fc') / 100,
      }),
      ...penalty('iperf.docker', 'docker'),
      ...penalty('iperf.lxc', 'lxc'),
      ...penalty('iperf.hv', 'qemu', 'firecracker'),
      ...order('iperf.kata', bandwidth, ['kata', 'qemu']),
      ...order('iperf.chv', bandwidth, ['qemu'], ['cloud-hypervisor']),
      ...order('iperf.gvisor', bandwidth, but('gvisor'), ['gvisor']),
      ...state('netperf.gvisor', aboutOf(suite, 12), {
        platforms: ['gvisor'],
        to: but('gvisor'),
        ratio: range('netperf.gvisor'),
      }),
      ...order('netperf.order', aboutOf(suite, 10), [...containers, 'kata'], hypervisors),
      ...order('netperf.osv', aboutOf(suite, 11), ['osv'], hypervisors),
      ...boot('boot.docker', 'runc'),
      ...boot('boot.gvisor', 'gvisor'),
      ...boot('boot.kata', 'kata'),
      ...boot('boot.lxc', 'lxc-systemd'),
      ...order('boot.hv.order', boots, ...publishedOrder('boot.hv.order')),
      ...order('boot.osv.order', boots, ...publishedOrder('boot.osv.order')),
      ...order('ycsb.lxc', aboutOf(suite, 17), ['qemu'], ['firecracker', 'cloud-hypervisor']),
      ...state('mysql.g2', oltp, { platforms: second, to: alike, ratio: number('mysql.g2') }),
      ...order('mysql.g1', oltp, alike, ['osv', 'osv-firecracker', 'gvisor']),
      // Without a word of the threads.
      ...order('mysql.g3', aboutOf(suite, 20), alike),
      ...peak('mysql.peak', ...but('native')),
      ...peak('mysql.peak.native', 'native'),
      ...state('boot.term', aboutOf(suite, 16), { platforms: but('native'), unit: '%', value: range('boot.term') }),
      ...order('hap.fc', aboutOf(suite, 24), but('firecracker'), ['firecracker']),
      ...order('hap.secure', aboutOf(suite, 26), containers, ['gvisor', 'kata']),
      ...order('hap.osv', aboutOf(suite, 27), ['osv'], [...containers, 'qemu']),
    ],
  }
}
