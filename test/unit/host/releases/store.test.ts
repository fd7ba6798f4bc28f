import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { installedProgram, installedRelease, installedReleases } from '../../../../src/host/releases/store.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'isobench-store-'))
  vi.stubEnv('ISOBENCH_HOME', home)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(home, { recursive: true })
})

const record = {
  arch: 'x86_64',
  license: 'Apache-2.0',
  installed: '2026-11-29T20:00:00.000Z',
  files: [{ url: 'https://a/b', source: 'https://a/b', digest: `sha256:${'0'.repeat(64)}`, trustedFirst: false }],
  programs: { runsc: 'runsc', gvisor_sentry: 'gvisor-bin/gvisor_sentry' },
}

function install(name: string, version: string, contents: unknown = record, files = ['runsc']): string {
  const folder = join(home, name, version)
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), '')
  }
  writeFileSync(join(folder, 'release.json'), typeof contents === 'string' ? contents : JSON.stringify(contents))
  return folder
}

const versions = (name?: string) => installedReleases(name).map((release) => `${release.name}@${release.version}`)

describe('the installed releases', () => {
  it('are none without a folder', () => {
    vi.stubEnv('ISOBENCH_HOME', join(home, 'absent'))
    expect(installedReleases()).toEqual([])
    writeFileSync(join(home, 'file'), '')
    vi.stubEnv('ISOBENCH_HOME', join(home, 'file'))
    expect(installedReleases()).toEqual([])
    expect(installedProgram('gvisor', 'runsc')).toBeUndefined()
  })

  it('are listed by name, and the newest version first', () => {
    for (const version of ['1.9.0', '1.17.0', '1.15.1']) install('firecracker', version)
    for (const version of ['20260921.0', '20261005.0', '20260921.1']) install('gvisor', version)
    expect(versions()).toEqual([
      'firecracker@1.17.0',
      'firecracker@1.15.1',
      'firecracker@1.9.0',
      'gvisor@20261005.0',
      'gvisor@20260921.1',
      'gvisor@20260921.0',
    ])
    expect(versions('gvisor')).toHaveLength(3)
  })

  it('have their record and their folder', () => {
    const folder = install('gvisor', '20261005.0', { ...record, released: '2026-10-05' })
    expect(installedRelease('gvisor', '20261005.0')).toEqual({
      ...record,
      released: '2026-10-05',
      name: 'gvisor',
      version: '20261005.0',
      folder,
    })
    expect(installedRelease('gvisor', '1')).toBeUndefined()
  })

  it('do not include unfinished installations and broken records', () => {
    install('gvisor', '20261005.0.0123456789ab.tmp')
    install('gvisor', '1', '{')
    install('gvisor', '2', { ...record, programs: { runsc: '../../bin/sh' } })
    install('gvisor', '3', { ...record, programs: { runsc: '/bin/sh' } })
    mkdirSync(join(home, 'gvisor', '4'))
    expect(versions()).toEqual([])
  })
})

describe('an installed program', () => {
  it('is that of the newest release that has it', () => {
    const old = install('gvisor', '20260921.0', record, ['runsc', 'gvisor-bin/gvisor_sentry'])
    const recent = install('gvisor', '20261005.0')
    expect(installedProgram('gvisor', 'runsc')).toBe(join(recent, 'runsc'))
    expect(installedProgram('gvisor', 'runsc', '20260921.0')).toBe(join(old, 'runsc'))
    expect(installedProgram('gvisor', 'gvisor_sentry')).toBe(join(old, 'gvisor-bin/gvisor_sentry'))
  })

  it('is undefined for another version, another program and a name of every object', () => {
    install('gvisor', '20261005.0')
    expect(installedProgram('gvisor', 'runsc', '1')).toBeUndefined()
    expect(installedProgram('gvisor', 'jailer')).toBeUndefined()
    expect(installedProgram('gvisor', 'toString')).toBeUndefined()
  })
})
