import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { dataDisk, makeDataDisk, virtiofsd } from '../../../src/vm/disks.ts'

it('a data disk has all of its blocks, and an empty file system that nothing is left to be done on', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'isobench-data-'))
  try {
    const file = await makeDataDisk({
      stateDir: directory,
      limits: { cpus: [0], memoryBytes: 1024 ** 3, dataBytes: 64 * 1024 ** 2 },
    })
    expect(file).toBe(dataDisk({ stateDir: directory }))
    const { size, blocks } = statSync(file)
    expect(size).toBe(64 * 1024 ** 2)
    expect(blocks * 512).toBeGreaterThanOrEqual(size)
    const output = execFileSync('dumpe2fs', [file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    // A group lacks the mark if the guest's kernel would still write its tables.
    expect(output.match(/^Group \d+:/gm)?.length).toBe(output.match(/ITABLE_ZEROED/g)?.length)
    const inside = execFileSync('debugfs', ['-R', 'ls -p /', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    expect(inside).not.toContain('lost+found')
    execFileSync('e2fsck', ['-f', '-n', file], { stdio: 'ignore' })
    expect(output).toMatch(/^Filesystem state:\s+clean$/m)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

it.each(['/usr/libexec/virtiofsd', '/usr/local/bin/virtiofsd'])(
  '%s gets the options of the Rust implementation',
  (at) => {
    expect(virtiofsd('/data of guest', at)).toEqual([
      at,
      '--fd=4',
      '--rlimit-nofile=0',
      '--shared-dir=/data of guest',
      '--sandbox=chroot',
      '--cache=auto',
      '--allow-direct-io',
    ])
  },
)

it("QEMU's virtiofsd gets the options of the implementation in C", () => {
  const program = '/usr/lib/qemu/virtiofsd'
  expect(virtiofsd('/data', program)).toEqual([
    ...[program, '--fd=4', '--rlimit-nofile=0', '-o', 'source=/data', '-o', 'sandbox=chroot', '-o', 'cache=auto'],
  ])
})
