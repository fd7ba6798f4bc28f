/** Attack profiles by `functions` in a VM, because a host in lockdown mode forbids them. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attackProfiles } from '../../src/core/attack-profile/summary.ts'
import { readRecord } from '../../src/core/records/record-file.ts'
import { ensureImage } from '../e2e/support/host.ts'
import { runInVm } from './support/vm.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-machine-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const platforms = ['native', 'runc', 'crun', 'gvisor']
const workloads = ['cpu', 'memory', 'file I/O', 'network', 'start and stop']
beforeAll(ensureImage)

const script = `
mkdir -p /project/benches && cd /project || exit
cp /checkout/benches/isolation/*.ts benches
cat >isobench.config.ts <<'END'
import { defineConfig, platform } from 'isobench'
export default defineConfig({
  platforms: [${platforms.map((name) => `platform('${name}')`).join(', ')}],
  profiles: { quick: { rounds: 1, warmup: 1, seconds: 1, timeout: 3000, skipTags: [], skipEmulated: false } },
})
END
node /checkout/bin/isobench.js run --tag functions --no-remeasure --reporter verbose
code=$?
# Every sample has the same names. A window that includes the previous sample halves the size compared with gzip.
node -e '
const { brotliCompressSync, constants } = require("node:zlib"), { readFileSync, writeFileSync } = require("node:fs")
const params = { [constants.BROTLI_PARAM_LGWIN]: 24 }
writeFileSync("/results/record.jsonl.br", brotliCompressSync(readFileSync(process.argv[1]), { params }))
' .isobench/runs/*.jsonl || exit
node /checkout/bin/isobench.js attack-profile show
exit $code
`

test(`tracing functions counts what ${platforms.join(', ')} call in a real kernel`, async () => {
  const done = await runInVm({ script, seconds: 5400, folder: mkdtempSync(join(folder, 'profiles-')) })
  // 4: one round is too few for a verdict. No sample may fail.
  expect([0, 4], done.log).toContain(done.exitCode)
  const packed = join(done.results, 'record.jsonl.br')
  const file = join(folder, 'record.jsonl')
  writeFileSync(file, brotliDecompressSync(readFileSync(packed)))
  const record = readRecord(file)
  const keep = process.env.ISOBENCH_KEEP_RECORD
  if (keep) cpSync(packed, keep)
  const all = attackProfiles(record)
  expect(all.map(({ bench, platform, rounds }) => `${bench.split(': ')[1]} on ${platform}: ${rounds}`)).toEqual(
    workloads.flatMap((name) => platforms.map((platform) => `${name} on ${platform}: 1`)),
  )
  for (const { case: point, platform, work, source: by } of all) {
    expect(by).toBe('functions')
    // Every program that runs, reads its libraries and ends calls these.
    expect(Object.keys(work), `${point} on ${platform}`).toEqual(
      expect.arrayContaining(['x64_sys_call', 'handle_mm_fault']),
    )
  }
  const of = (name: string) => all.find(({ bench, platform }) => bench.endsWith(': cpu') && platform === name)!
  expect(of('native').setup).toEqual({})
  for (const name of ['runc', 'crun']) {
    expect(Object.keys(of(name).setup), name).toEqual(expect.arrayContaining(['copy_mnt_ns', 'cgroup_mkdir']))
    expect(of(name).setupDistinct, name).toBeGreaterThan(of(name).distinct)
  }
  // The sentry calls the host for the guest, and it uses a socket to the gofer.
  expect(Object.keys(of('gvisor').setup)).toEqual(expect.arrayContaining(['copy_mnt_ns', 'unix_stream_sendmsg']))
  expect(Object.keys(of('gvisor').work)).toEqual(expect.arrayContaining(['do_futex']))
})

test('the cost of tracing functions is measured for each workload', async () => {
  const rounds = Number(process.env.ISOBENCH_VM_ROUNDS ?? 1)
  const part = `tracing --by functions --platform ${platforms.join(',')} --runs ${rounds}`
  const done = await runInVm({
    script: `node scripts/run-script.mjs evidence ${part} >/results/output || exit\ncat /results/output`,
    seconds: 10_000,
    folder: mkdtempSync(join(folder, 'cost-')),
  })
  expect(done.exitCode, done.log).toBe(0)
  const output = readFileSync(join(done.results, 'output'), 'utf8')
  process.stdout.write(output)
  for (const platform of platforms)
    for (const name of ['cpu', 'memory', 'files', 'network', 'startAndStop'])
      expect(output).toMatch(
        new RegExp(`functions, ${platform}, ${name}: traced over untraced time \\d+\\.\\d\\d .* in ${rounds} rounds`),
      )
})
