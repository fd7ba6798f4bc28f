import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UsageError } from '../util/errors.ts'
import { type CommandIo, defineCommand } from './command.ts'

const files: Readonly<Record<string, string>> = {
  'isobench.config.ts': `import { defineConfig, platform } from 'isobench'

export default defineConfig({
  include: ['benches/**/*.bench.ts'],
  guest: { cpus: 1, memory: '1GiB' },
  platforms: [platform('native'), platform('runc'), platform('gvisor', { mode: 'systrap' })],
})
`,
  'benches/hello.bench.ts': `import { bench, expect, higher, workload } from 'isobench'
import { sysbench } from 'isobench/tools'

const primes = workload('prime verification', {
  metrics: { events: higher('events/s') },
  async run({ guest, seconds }) {
    const { stdout } = await guest.exec(sysbench.cpu({ threads: 1, maxPrime: 10_000, seconds }))
    return { events: sysbench.parseCpu(stdout).eventsPerSecond }
  },
})

bench('prime verification', primes, {
  expect: { events: expect.withinNative(10) },
})
`,
}

export const command = defineCommand({
  description: 'Writes isobench.config.ts and an example bench into the current directory. It never overwrites a file.',
  options: {},
  examples: [{ line: 'init && isobench run --install', description: 'start a project and measure it' }],
  run: async (_args, _options, io) => init(io),
})

function init(io: CommandIo): number {
  const existing = Object.keys(files).filter((name) => existsSync(join(io.cwd, name)))
  if (existing.length > 0)
    throw new UsageError(
      `isobench init: ${existing.join(' and ')} already exists.`,
      'move it away, or use another directory.',
    )
  for (const [name, text] of Object.entries(files)) {
    const file = join(io.cwd, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text, { flag: 'wx' })
    io.out.write(`wrote ${name}\n`)
  }
  io.out.write('Next: isobench run --install\n')
  return 0
}
