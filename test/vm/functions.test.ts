/** Attack profiles by `functions` in a VM, because a host in lockdown mode forbids them. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attackProfiles } from '../../src/core/attack-profile/summary.ts'
import { readRecord } from '../../src/core/records/record-file.ts'
import type { ProcessRole } from '../../src/dsl/process-roles.ts'
import { ensureImage } from '../e2e/support/host.ts'
import { runInVm } from './support/vm.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-machine-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const platforms = ['native', 'runc', 'crun', 'gvisor']
const workloads = ['cpu', 'memory', 'file I/O', 'network', 'start and stop']
/** The roles that host processes of a platform may have. */
const rolesOf: Readonly<Record<string, readonly ProcessRole[]>> = {
  native: ['scaffold', 'guest'],
  runc: ['scaffold', 'guest', 'client'],
  crun: ['scaffold', 'guest', 'client'],
  gvisor: ['scaffold', 'sentry', 'gofer', 'client'],
}
beforeAll(ensureImage)

const script = `
mkdir -p /project/benches && cd /project || exit
cp -r /checkout/benches/isolation /checkout/benches/paper.ts benches
cat >isobench.config.ts <<'END'
import { defineConfig, platform } from 'isobench'
export default defineConfig({
  platforms: [${platforms.map((name) => `platform('${name}')`).join(', ')}],
  profiles: { quick: { rounds: 1, warmup: 0, seconds: 1, timeout: 3000, skipTags: [], skipEmulated: false } },
})
END
# Reading from the disk for the first time is no part of a workload. A warm-up round would take as long as the run.
image=$(node /checkout/bin/isobench.js image path)
chroot $image sysbench cpu --time=1 run >/dev/null
chroot $image iperf3 --version >/dev/null
node /checkout/bin/isobench.js run --tag functions --no-remeasure --reporter verbose
code=$?
cp .isobench/runs/*.jsonl /results/record.jsonl || exit
node /checkout/bin/isobench.js attack-profile show
exit $code
`

/**
 * Packs a record for the unit tests. It lacks most of what they do not read: crun, isobench's own processes,
 * confinement, and the verdicts.
 */
function fixtureOf(record: string): Buffer {
  const lines = record
    .trim()
    .split('\n')
    .flatMap((text) => {
      const line = JSON.parse(text)
      if (line.type === 'verdicts' || line.sample?.platform === 'crun') return []
      if (line.type !== 'sample') return [text]
      const { attackProfile, values } = line.sample.outcome
      const { setup, work, idle, barrier } = attackProfile
      for (const calls of [setup, work, idle.calls, barrier.calls]) delete calls.scaffold
      return [JSON.stringify({ ...line, sample: { ...line.sample, outcome: { ok: true, values, attackProfile } } })]
    })
  // Every sample has the same names. A window that includes the previous sample halves the size compared with gzip.
  const params = { [constants.BROTLI_PARAM_LGWIN]: 24 }
  return brotliCompressSync(`${lines.join('\n')}\n`, { params })
}

test(`tracing functions counts what ${platforms.join(', ')} call in a real kernel`, async () => {
  const done = await runInVm({ script, seconds: 5400, folder: mkdtempSync(join(folder, 'profiles-')) })
  // 4: one round is too few for a verdict. No sample may fail.
  expect([0, 4], done.log).toContain(done.exitCode)
  const file = join(done.results, 'record.jsonl')
  const record = readRecord(file)
  const keep = process.env.ISOBENCH_KEEP_RECORD
  if (keep) writeFileSync(keep, fixtureOf(readFileSync(file, 'utf8')))
  const all = attackProfiles(record)
  expect(all.map(({ bench, platform, rounds }) => `${bench.split(': ')[1]} on ${platform}: ${rounds}`)).toEqual(
    workloads.flatMap((name) => platforms.map((platform) => `${name} on ${platform}: 1`)),
  )
  for (const { case: point, platform, work, roles, source: by } of all) {
    expect(by).toBe('functions')
    // Every program that runs, reads its libraries and ends calls these. An idle sentry makes system calls, too.
    expect(Object.keys(work), `${point} on ${platform}`).toEqual(
      expect.arrayContaining(platform === 'gvisor' ? ['handle_mm_fault'] : ['x64_sys_call', 'handle_mm_fault']),
    )
    expect(rolesOf[platform], `${point} on ${platform}`).toEqual(expect.arrayContaining(Object.keys(roles)))
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
