/** Attack profiles by `functions`, which a host in lockdown forbids: isobench in a machine whose kernel allows it. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { profilesOf } from '../../src/core/profile/profiles.ts'
import { readRecord } from '../../src/core/record/reader.ts'
import { ensureImage } from '../e2e/support/machine.ts'
import { runInMachine } from './support/machine.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-machine-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const platforms = ['native', 'runc', 'crun', 'gvisor']
beforeAll(ensureImage)

const script = `
mkdir -p /project/benches && cd /project || exit
cp /checkout/benches/isolation/*.ts benches
cat >>benches/attack-profile.bench.ts <<'END'
export const untraced = bench('untraced cpu', cpu, { tags: ['functions'] })
END
cat >isobench.config.ts <<'END'
import { defineConfig, platform } from 'isobench'
export default defineConfig({
  platforms: [${platforms.map((name) => `platform('${name}')`).join(', ')}],
  profiles: { quick: { rounds: 1, warmup: 0, seconds: 1, timeout: 3000, skip: [] } },
})
END
export ISOBENCH_PROBE_SECONDS=900
# What is read for the first time takes long, and importing a bench has a limit.
node /checkout/bin/isobench.js list >/dev/null
node /checkout/bin/isobench.js run --tag functions --name cpu --no-retake --reporter verbose
code=$?
gzip --best --stdout .isobench/runs/*.jsonl >/results/record.jsonl.gz
node /checkout/bin/isobench.js profile show
exit $code
`

test(`the paper's instrument tells what ${platforms.join(', ')} reach of a real kernel`, async () => {
  const done = await runInMachine({ script, seconds: 5400, folder })
  // 4: one round decides nothing. Nothing may have failed.
  expect([0, 4], done.log).toContain(done.exitCode)
  const packed = join(done.results, 'record.jsonl.gz')
  const file = join(folder, 'record.jsonl')
  writeFileSync(file, gunzipSync(readFileSync(packed)))
  const record = readRecord(file)
  const keep = process.env.ISOBENCH_KEEP_RECORD
  if (keep) cpSync(packed, keep)
  const cells = profilesOf(record)
  expect(cells.map(({ platform, rounds }) => [platform, rounds])).toEqual(platforms.map((name) => [name, 1]))
  const of = (name: string) => cells.find(({ platform }) => platform === name)!
  for (const { platform, work, by } of cells) {
    expect(by).toBe('functions')
    // What every program needs that runs, reads its libraries and ends.
    expect(Object.keys(work), platform).toEqual(expect.arrayContaining(['x64_sys_call', 'handle_mm_fault']))
  }
  expect(of('native').setup).toEqual({})
  for (const name of ['runc', 'crun']) {
    expect(Object.keys(of(name).setup), name).toEqual(expect.arrayContaining(['copy_mnt_ns', 'cgroup_mkdir']))
    expect(of(name).setupDistinct, name).toBeGreaterThan(of(name).distinct)
  }
  // The sentry makes host calls of its own for the guest, and the gofer is asked over a socket.
  expect(Object.keys(of('gvisor').setup)).toEqual(expect.arrayContaining(['copy_mnt_ns', 'unix_stream_sendmsg']))
  expect(Object.keys(of('gvisor').work)).toEqual(expect.arrayContaining(['do_futex']))
  for (const name of platforms) {
    const sample = (point: string) => record.samples.find((one) => one.platform === name && one.point.includes(point))!
    const [traced, untraced] = [sample('by functions').profile!.own.events!, sample('untraced').values!.events!]
    process.stdout.write(`functions: ${name}, cpu: traced over untraced time ${(untraced / traced).toFixed(2)}\n`)
  }
})
