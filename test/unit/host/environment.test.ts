import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { environmentPadding, hostEnvironment, pathFolders } from '../../../src/host/environment.ts'
import { runHostCommand } from '../../../src/host/process.ts'
import { runTimed } from '../../../src/host/timed-process.ts'

describe('the environment of host commands', () => {
  it('passes the proxies of the caller, and nothing else but PATH', () => {
    const caller = { PATH: '/opt/x:/usr/bin', https_proxy: 'http://proxy', HOME: '/home/a', CONTAINERS_CONF: '/x' }
    expect(hostEnvironment(caller)).toEqual({
      PATH: '/opt/x:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/bin',
      HOME: '/root',
      LC_ALL: 'C',
      https_proxy: 'http://proxy',
    })
  })

  it('has the folders for root under a PATH such as that of cron, and no relative ones', () => {
    expect(pathFolders('/usr/bin:/bin')).toEqual(expect.arrayContaining(['/usr/sbin', '/sbin']))
    expect(pathFolders('.::bin:/opt/x')).toEqual(expect.not.arrayContaining(['.', '', 'bin']))
    expect(pathFolders(undefined)).toContain('/usr/bin')
  })

  it('has a padding of random length for a boot, shorter than a page', () => {
    const lengths = Array.from({ length: 400 }, () => environmentPadding().ISOBENCH_PADDING!.length)
    expect(Math.max(...lengths)).toBeLessThan(4096)
    // 400 draws of 4096 lengths: 16 values or fewer have a probability below 1e-100.
    expect(new Set(lengths).size).toBeGreaterThan(16)
    expect(Object.keys(environmentPadding())).toEqual(['ISOBENCH_PADDING'])
  })

  it('is that of every program that isobench starts, except the browser of the user', () => {
    const start = /(?<![.\w])(?:spawn|spawnSync|execFile|execFileSync|execSync|fork|execa)\((?!argv: )/g
    const calls = readdirSync('src', { recursive: true, encoding: 'utf8' }).flatMap((name) => {
      const text = name.endsWith('.ts') ? readFileSync(join('src', name), 'utf8') : ''
      if (!/'node:child_process'|'execa'/.test(text)) return []
      return [...text.matchAll(start)].map(({ index }) => ({ name, call: text.slice(index, index + 600) }))
    })
    expect(calls.length).toBeGreaterThan(8)
    const without = calls.filter(({ call }) => !/\benv: |, options\)/.test(call)).map(({ name }) => name)
    expect(without).toEqual(['commands/watch-keys.ts'])
  })

  it('has the usual umask, whatever the one of the caller is', async () => {
    const bounds = { timeoutMs: 10_000, label: 'umask' }
    for (const umask of [0, 0o077]) {
      const before = process.umask(umask)
      try {
        expect(await runHostCommand(['sh', '-c', 'umask'])).toBe('0022')
        expect((await runTimed(['sh', '-c', 'umask'], bounds)).stdout).toBe('0022\n')
        expect(process.umask()).toBe(umask)
      } finally {
        process.umask(before)
      }
    }
  })

  it('reaches a command as a whole', async () => {
    process.env.ISOBENCH_TEST_SECRET = 'x'
    try {
      const lines = (await runHostCommand(['env'])).split('\n').map((line) => line.split('=')[0])
      expect(lines.sort()).toEqual(expect.arrayContaining(['HOME', 'LC_ALL', 'PATH']))
      expect(lines).not.toContain('ISOBENCH_TEST_SECRET')
    } finally {
      delete process.env.ISOBENCH_TEST_SECRET
    }
  })
})
