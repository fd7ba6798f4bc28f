import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, vi } from 'vitest'
import { type ReleaseRecord, recordName } from '../../src/host/releases/store.ts'

/** A program of a release: its path in the release, and its text. */
export interface StandIn {
  readonly path: string
  readonly text: string
}

/** Gives each test an empty folder of provisioned releases. Returns functions, because the folder differs by test. */
export function emptyReleases(): {
  readonly folder: () => string
  readonly install: (
    name: string,
    version: string,
    programs: Readonly<Record<string, StandIn>>,
    released?: string,
    files?: ReleaseRecord['files'],
  ) => string
} {
  let home = ''
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'isobench-releases-'))
    vi.stubEnv('ISOBENCH_HOME', home)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(home, { recursive: true, force: true })
  })
  const install = (
    name: string,
    version: string,
    programs: Readonly<Record<string, StandIn>>,
    released?: string,
    files: ReleaseRecord['files'] = [],
  ) => {
    const folder = join(home, name, version)
    for (const { path, text } of Object.values(programs)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text, { mode: 0o755 })
    }
    const record = {
      arch: 'x86_64',
      ...(released !== undefined && { released }),
      license: 'MIT',
      installed: '2026-11-29T20:00:00Z',
      files,
      programs: Object.fromEntries(Object.entries(programs).map(([program, { path }]) => [program, path])),
    }
    writeFileSync(join(folder, recordName), JSON.stringify(record))
    return folder
  }
  return { folder: () => home, install }
}

/**
 * Gives each test its own folders of isobench: `home` of releases, `cache` and `state`, and an empty `mirror`.
 * @returns the path of a name in the folder that contains them
 */
export function ownFolders(): (name: string) => string {
  let place = ''
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'isobench-folders-'))
    for (const name of ['home', 'cache', 'state']) vi.stubEnv(`ISOBENCH_${name.toUpperCase()}`, join(place, name))
    mkdirSync(join(place, 'mirror'))
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(place, { recursive: true })
  })
  return (name) => join(place, name)
}
