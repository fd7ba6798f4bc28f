import { parseArgs } from 'node:util'
import { maxRecords } from './keys.ts'
import { type PhaseOptions, type PhaseResult, runPhase } from './phase.ts'

/**
 * The embedded YCSB client: a program that is bundled into one file and runs with the image's Node.js. It accepts the
 * arguments of YCSB 0.17's `ycsb` that `index.ts` uses and prints the same report.
 */

/** Properties with YCSB's default values. */
const defaults: Readonly<Record<string, string>> = {
  'memcached.hosts': '127.0.0.1:11211',
  recordcount: '1000',
  fieldcount: '10',
  fieldlength: '100',
  readproportion: '0.95',
  updateproportion: '0.05',
  requestdistribution: 'uniform',
  maxexecutiontime: '0',
  'hdrhistogram.percentiles': '95,99',
  // The original needs these properties; this client always behaves like that.
  workload: 'site.ycsb.workloads.CoreWorkload',
  operationcount: '0',
  writeallfields: 'true',
  measurementtype: 'hdrhistogram',
  'measurement.interval': 'op',
  seed: '1',
}

function propertiesOf(args: readonly string[]): Record<string, string> {
  const pairs = args.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] as const)
  const strange = pairs.find(([name]) => !Object.hasOwn(defaults, name))
  if (strange) throw new Error(`the embedded client knows no property "${strange[0]}"`)
  return { ...defaults, ...Object.fromEntries(pairs) }
}

function optionsOf(argv: readonly string[]): { options: PhaseOptions; percentiles: number[] } {
  const [phase, binding, ...rest] = argv
  if ((phase !== 'load' && phase !== 'run') || binding !== 'memcached') {
    throw new Error('usage: load|run memcached -threads N [-target N] -p NAME=VALUE …')
  }
  // YCSB's long options start with one dash.
  const args = rest.map((arg) => (/^-(threads|target)$/.test(arg) ? `-${arg}` : arg))
  const { values } = parseArgs({
    args,
    options: {
      threads: { type: 'string', default: '1' },
      target: { type: 'string' },
      p: { type: 'string', short: 'p', multiple: true, default: [] },
    },
  })
  const properties = propertiesOf(values.p)
  const number = (name: string, text: string, least: number, most = Infinity) => {
    const value = Number(text)
    if (text.trim() !== '' && value >= least && value <= most) return value
    throw new Error(`${name} is ${JSON.stringify(text)}, not a number from ${least} to ${most}`)
  }
  const property = (name: string, least: number, most?: number) => number(name, properties[name]!, least, most)
  const [host, port = '11211'] = properties['memcached.hosts']!.split(':') as [string, string?]
  const reads = property('readproportion', 0, 1)
  if (Math.abs(reads + property('updateproportion', 0, 1) - 1) > 1e-9)
    throw new Error('readproportion and updateproportion must add up to 1')
  const distribution = properties.requestdistribution!
  if (distribution !== 'zipfian' && distribution !== 'uniform')
    throw new Error(`the request distribution "${distribution}" is neither zipfian nor uniform`)
  return {
    options: {
      phase,
      host,
      port: number('the port', port, 1, 65_535),
      connections: number('-threads', values.threads, 1, 1024),
      records: property('recordcount', 1, maxRecords),
      fields: { count: property('fieldcount', 1, 1000), length: property('fieldlength', 1, 100_000) },
      reads,
      distribution,
      seconds: phase === 'run' ? property('maxexecutiontime', 0.1, 86_400) : 0,
      seed: property('seed', 0, 2 ** 32),
      ...(values.target !== undefined && { target: number('-target', values.target, 1) }),
    },
    percentiles: properties['hdrhistogram.percentiles']!.split(',').map((text) => number('a percentile', text, 0, 100)),
  }
}

/** Formats the report like YCSB: `[READ], 95thPercentileLatency(us), 123`. */
function report({ milliseconds, operations }: PhaseResult, percentiles: readonly number[]): string {
  const all = [...operations.values()].reduce((sum, { count }) => sum + count, 0)
  const lines = [
    ['OVERALL', 'RunTime(ms)', milliseconds],
    ['OVERALL', 'Throughput(ops/sec)', (1000 * all) / milliseconds],
    ...[...operations].flatMap(([operation, latencies]) => {
      const { mean, least, most, at } = latencies.summary(percentiles)
      return [
        [operation, 'Operations', latencies.count],
        [operation, 'AverageLatency(us)', mean],
        [operation, 'MinLatency(us)', least],
        [operation, 'MaxLatency(us)', most],
        ...percentiles.map((percent, index) => [operation, `${percent}thPercentileLatency(us)`, at[index]!] as const),
        ...Object.entries(latencies.returns).map(([code, count]) => [operation, `Return=${code}`, count] as const),
      ] as const
    }),
  ]
  return lines.map(([section, what, figure]) => `[${section}], ${what}, ${figure}\n`).join('')
}

try {
  const { options, percentiles } = optionsOf(process.argv.slice(2))
  process.stdout.write(report(await runPhase(options), percentiles))
} catch (error) {
  process.stderr.write(`ycsb: ${(error as Error).message}\n`)
  process.exitCode = 1
}
