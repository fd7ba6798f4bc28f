/** The calls that isobench records of a program, against those that strace counts of the same program on the host. */

import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import type { Calls } from '../../src/core/model/traced-calls.ts'
import { findImage } from '../../src/host/image.ts'
import { config, imports, Project } from './support/cli.ts'
import { ensureImage, observe, obstacles } from './support/host.ts'
import { describeUnless } from './support/skip.ts'
import { ofGuest, reached } from './support/traced.ts'

beforeAll(ensureImage)

const unavailable = await obstacles('native', 'runc', 'bubblewrap', 'gvisor', 'user-mode-linux')
const working = Object.keys(unavailable).filter((name) => unavailable[name] === '')
/** A kernel in user space takes all calls of their guests, so the host gets none of them. */
const intercepting = working.filter((name) => name === 'gvisor' || name === 'user-mode-linux')
const platforms = working.filter((name) => name !== 'gvisor' && name !== 'user-mode-linux')

/** Compiles the program with the gcc of the image, in a private mount that disappears with the process. */
const compile = (): Buffer =>
  execFileSync(
    'unshare',
    [
      ...['--mount', 'sh', '-ec'],
      `mount -t tmpfs tmpfs "$0/tmp"; cat > "$0/tmp/known.c"
chroot "$0" gcc -O1 -static -nostdlib -fno-stack-protector -o /tmp/known /tmp/known.c; cat "$0/tmp/known"`,
      findImage()!.rootfs,
    ],
    { input: readFileSync(new URL('support/known-calls.c', import.meta.url)), stdio: ['pipe', 'pipe', 'inherit'] },
  )

/** The calls that strace counts, with those of the 32-bit table as isobench names them. */
function callsByStrace(project: Project, parts: string): Calls {
  const file = project.path('strace.txt')
  const options = ['-f', '-c', '-U', 'name,calls', '-o', file]
  execFileSync('strace', [...options, project.path('known'), ...(parts === '' ? [] : [parts])])
  const calls: Record<string, number> = {}
  let table = ''
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.includes('summary for 32 bit mode')) table = 'i386:'
    const [, name, count] = /^(\w+) +(\d+)$/.exec(line) ?? []
    if (name !== undefined && name !== 'total') calls[table + name] = Number(count)
  }
  return calls
}

/** A bench that runs the program with these parts. */
const bench = (name: string, program: Buffer, parts: string) => `${imports}
const program = workload('program', {
  metrics: { time: lower('ms') },
  async run({ guest }) {
    const install = command('sh', '-c', 'base64 -d > /data/known && chmod 755 /data/known')
    await guest.exec(install, { input: '${program.toString('base64')}', untraced: true })
    return { time: (await guest.exec(command('/data/known', '${parts}'))).milliseconds }
  },
})
export const it = bench('${name}', workload.traced(program, { source: 'syscalls' }))
`

const missing = spawnSync('strace', ['--version']).error ? 'strace' : ''
describeUnless(process.arch === 'x64' ? '' : process.arch, 'host-kind', 'known calls', () => {
  describeUnless(missing, 'program-missing', 'against strace', () => {
    test(`are recorded exactly, in any order and in a shard, on ${working.join(', ')}`, async () => {
      const host = observe()
      const program = compile()
      using project = Project.with({ 'isobench.config.ts': config(...working) })
      writeFileSync(project.path('known'), program, { mode: 0o755 })
      // A host without 32-bit programs kills a process that makes a 32-bit call.
      const has32Bit = spawnSync(project.path('known'), ['i']).status === 0
      const [few, all] = ['p', has32Bit ? 'ptcobuvi' : 'ptcobuv']
      project.write({
        'benches/few.bench.ts': bench('few', program, few),
        'benches/all.bench.ts': bench('all', program, all),
        // Without 32-bit calls, which gVisor does not run, and without the vDSO, which is another one there.
        'benches/taken.bench.ts': bench('taken', program, 'ptcobu'),
      })

      const straced = callsByStrace(project, all)
      expect(straced).toMatchObject({ execve: 1, getpgid: 40, times: 200, getsid: 3, read: 2, io_uring_setup: 1 })
      // The vDSO makes no call.
      expect(straced).not.toHaveProperty('clock_gettime')
      /** What isobench records, by what strace counts and the known differences. */
      const expected = (platform: string): Calls => {
        // The shell of the barrier executes the program. strace counts a call when it returns, and these never do: of
        // the program, of 200 children and of 6 processes of the orphans, and of the threads.
        const { execve: _, ...returned } = straced
        const calls = { ...returned, exit_group: 1 + 200 + 6, exit: 4 }
        if (platform === 'native') return calls
        // A seccomp filter refuses these calls. That of bubblewrap is for x86-64 only.
        const refused = (name: string) =>
          name === 'io_uring_setup' || (platform === 'bubblewrap' && name.startsWith('i386:'))
        return Object.fromEntries(Object.entries(calls).filter(([name]) => !refused(name)))
      }
      const plain = { getppid: 5, read: 2, fcntl: 1, dup2: 1, rt_sigprocmask: 1, exit_group: 1 }

      const exact = ['few', 'all', '--rounds', '1']
      const { report, record } = await project.run([...exact, '--platform', platforms.join()], { timeout: 100 })
      expect(report.cases.flatMap(({ results }) => results.flatMap(({ errors }) => errors))).toEqual([])
      for (const platform of platforms) {
        expect(ofGuest(record, platform, '#all'), platform).toEqual([expected(platform)])
        expect(ofGuest(record, platform, '#few'), platform).toEqual([plain])
      }
      if (platforms.includes('runc')) {
        const made = await project.isobench(['attack-profile', 'seccomp', 'runc', '--bench', '#all'])
        const { architectures, syscalls } = JSON.parse(made.stdout)
        expect(architectures, made.stderr).toEqual(['SCMP_ARCH_X86_64', ...(has32Bit ? ['SCMP_ARCH_X86'] : [])])
        expect(syscalls[0].names).toEqual(expect.arrayContaining(['times', 'getsid']))
      }
      // One of the two cases alone, with other platforms, and in another order.
      const shard = await project.run([...exact, '--shard', '1/2', '--seed', '7', '--platform', 'runc,native'], {
        timeout: 100,
      })
      const [only] = shard.record.plan.cases
      for (const platform of ['native', 'runc'].filter((name) => platforms.includes(name)))
        expect(ofGuest(shard.record, platform, ''), `${platform} ${only?.id}`).toEqual([
          only?.id.includes('#all') ? expected(platform) : plain,
        ])
      if (intercepting.length > 0) {
        const taken = await project.run(['taken', '--rounds', '1', '--platform', intercepting.join()], { timeout: 100 })
        expect(taken.report.cases.flatMap(({ results }) => results.flatMap(({ errors }) => errors))).toEqual([])
        for (const platform of intercepting) {
          expect(ofGuest(taken.record, platform, ''), platform).toEqual([{}])
          const [names] = reached(taken.record, platform)
          expect(names, platform).not.toEqual([])
          expect(
            names!.filter((name) => ['times', 'getsid', 'getpgid'].includes(name)),
            platform,
          ).toEqual([])
        }
      }
      host.expectClean()
    })
  })
})
