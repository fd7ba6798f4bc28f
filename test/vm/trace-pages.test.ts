/** The pages of a function trace, as isobench reads them, against the kernel's text of the same events. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureImage } from '../e2e/support/host.ts'
import { type RecordedTrace, tallyOfPages, tallyOfText, withNeededSymbols } from '../unit/tracing/recorded-trace.ts'
import { runInVm } from './support/vm.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-machine-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeAll(ensureImage)

// The shell counts until interrupts have occurred, and then runs programs that need the kernel.
const script = `
set -e
mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
cd /sys/kernel/tracing/instances && mkdir isob-pages && cd isob-pages
echo 0 >tracing_on
echo 0 >options/overwrite
echo 1 >options/function-fork
echo 32 >buffer_size_kb
echo $$ >set_ftrace_pid
echo function >current_tracer
echo 1 >tracing_on
for ((i = 0; i < 30000; i++)); do :; done
cat /etc/hostname | wc -c >/dev/null
echo 0 >tracing_on
cat trace >/results/text
cat events/header_page >/results/header_page
cat events/ftrace/function/format >/results/format
for cpu in per_cpu/cpu*; do dd if=$cpu/trace_pipe_raw of=/results/pages-\${cpu##*/} bs=4096 iflag=nonblock \\
  2>/dev/null || :; done
echo nop >current_tracer
cat /proc/kallsyms >/results/kallsyms
uname -r >/results/kernel
cd .. && rmdir isob-pages
`

test('a function trace has the same functions as the text of the kernel, in and outside of interrupts', async () => {
  const done = await runInVm({ script, seconds: 900, folder })
  expect(done.exitCode, done.log).toBe(0)
  const text = (name: string) => readFileSync(join(done.results, name), 'utf8')
  const trace: RecordedTrace = {
    kernel: text('kernel').trim(),
    headerPage: text('header_page'),
    format: text('format'),
    pages: readdirSync(done.results)
      .filter((name) => name.startsWith('pages-'))
      .map((name) => readFileSync(join(done.results, name), 'base64')),
    text: text('text'),
    kallsyms: text('kallsyms'),
  }
  const expected = tallyOfText(trace)
  expect(Object.keys(expected).length).toBeGreaterThan(200)
  expect(Object.keys(expected).some((name) => name.endsWith(' in an interrupt'))).toBe(true)
  expect(tallyOfPages(trace)).toEqual(expected)
  const small = withNeededSymbols(trace)
  expect(tallyOfPages(small)).toEqual(expected)
  const keep = process.env.ISOBENCH_KEEP_TRACE
  const params = { [constants.BROTLI_PARAM_LGWIN]: 24 }
  if (keep) writeFileSync(keep, brotliCompressSync(JSON.stringify(small), { params }))
})
