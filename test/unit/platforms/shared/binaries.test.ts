import { basename, dirname, join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { resolvePlatforms } from '../../../../src/core/project/platforms.ts'
import type { PlatformSpec } from '../../../../src/dsl/platform.ts'
import { missing } from '../../../../src/host/packages.ts'
import { findRelease } from '../../../../src/host/releases/manifest.ts'
import { platform } from '../../../../src/index.ts'
import { drivers } from '../../../../src/platforms/index.ts'
import { emptyReleases } from '../../../support/releases.ts'

const releases = emptyReleases()
const script = (output: string) => `#!/bin/sh\necho '${output}'\n`

const resolved = (spec: PlatformSpec) => resolvePlatforms([spec], drivers, 'isobench.config.ts')[0]!
const requirementsOf = (spec: PlatformSpec) => {
  const { driver, options } = resolved(spec)
  return driver.requirements(options)
}
const buildsOf = (spec: PlatformSpec) => requirementsOf(spec).flatMap(({ build }) => build ?? [])

/** A platform, and the programs of its release. The path of each program is that of the true archive. */
const cases = [
  ['firecracker', (o) => platform('firecracker', { jailer: true, ...o }), ['firecracker', 'jailer'], 'firecracker'],
  ['cloud-hypervisor', (o) => platform('cloud-hypervisor', o), ['cloud-hypervisor'], 'cloud-hypervisor'],
  ['gvisor', (o) => platform('gvisor', o), ['runsc'], 'gvisor'],
  ['crun', (o) => platform('crun', o), ['crun'], 'crun'],
  ['youki', (o) => platform('youki', o), ['youki'], 'youki'],
  ['kata', (o) => platform('kata', o), ['containerd-shim-kata-v2'], 'kata'],
  [
    'kata with its Go runtime',
    (o) => platform('kata', { runtime: 'go', ...o }),
    ['containerd-shim-kata-v2'],
    'kata-go',
  ],
  ['osv', (o) => platform('osv', o), ['loader.elf'], 'osv'],
  ['docker over crun', (o) => platform('docker', { runtime: 'crun', daemon: 'own', ...o }), ['crun'], 'crun'],
  ['podman over runsc', (o) => platform('podman', { runtime: 'runsc', ...o }), ['runsc'], 'gvisor'],
  [
    'containerd over runsc',
    (o) => platform('containerd', { runtime: 'runsc', ...o }),
    ['runsc', 'containerd-shim-runsc-v1'],
    'gvisor',
  ],
] as const satisfies readonly (readonly [string, (options: object) => PlatformSpec, readonly string[], string])[]

describe.each(cases)('%s', (_, make, programs, release) => {
  // Where isobench's own list of releases puts it.
  const pathOf = (program: string) => findRelease(release, undefined, 'x86_64')!.programs[program]!
  const add = (version: string) =>
    releases.install(
      release,
      version,
      Object.fromEntries(programs.map((program) => [program, { path: pathOf(program), text: script(version) }])),
    )

  it('uses the newest provisioned release, or the version of the config', () => {
    const [older, newer] = [add('1.9.0'), add('1.10.0')]
    const paths = (folder: string) => programs.map((program) => join(folder, pathOf(program)))
    const found = (options: object) => buildsOf(make(options)).map(({ binary }) => binary)
    expect(found({})).toEqual(paths(newer))
    expect(found({ version: '1.9.0' })).toEqual(paths(older))
    expect(missing(requirementsOf(make({})).filter(({ build }) => build))).toEqual([])
  })

  it('names the command that provisions a version which is missing', () => {
    add('0.1')
    const { version } = findRelease(release)!
    const lacking = missing(requirementsOf(make({ version })).filter(({ build }) => build))
    expect(lacking.map(({ binary }) => basename(binary))).toEqual(programs)
    for (const { provision, installHint, package: debian } of lacking) {
      expect(provision?.[0]).toBe(`${release}@${version}`)
      expect(installHint?.startsWith(`isobench provision ${release}@${version} `)).toBe(true)
      expect(debian).toBeUndefined()
    }
  })

  it('names the versions that it knows in the place of one that it does not', () => {
    const [{ installHint } = {}] = missing(requirementsOf(make({ version: '0.1' })).filter(({ build }) => build))
    expect(installHint).toMatch(new RegExp(`^isobench knows no release ${release} 0\\.1: set the option version to `))
    expect(installHint).toContain(findRelease(release)!.version)
  })
})

describe('a version in the config', () => {
  const problems = (spec: PlatformSpec): string[] => {
    try {
      resolved(spec)
    } catch (error) {
      return (error as { problems: { message: string; fix: string }[] }).problems.map(
        ({ message, fix }) => `${message}; ${fix}`,
      )
    }
    return []
  }

  it('is refused beside a path, at a runtime without releases, and in the dockerd of the host', () => {
    const folder = releases.install('crun', '1.29.1', { crun: { path: 'crun', text: script('crun version 1.29.1') } })
    expect(problems(platform('crun', { binary: join(folder, 'crun') }))).toEqual([])
    expect(problems(platform('crun', { binary: join(folder, 'crun'), version: '1.29.1' }))).toEqual([
      'the options of platform "crun" are wrong: version: binary already selects the build: omit version, ' +
        'or omit binary to use the provisioned release; see "crun" in docs/reference/platforms.md',
    ])
    expect(problems(platform('osv', { kernel: '/my/loader.elf', version: '0.57.0' }))[0]).toContain('option kernel')
    expect(problems(platform('docker', { version: '1.2.3' }))[0]).toContain('no releases of runc')
    expect(problems(platform('docker', { runtime: 'crun', daemon: 'host', version: '1.2.3' }))[0]).toContain(
      "set daemon: 'own'",
    )
  })

  it('has no "v", and no path', () => {
    expect(problems(platform('firecracker', { version: 'v1.17.0' }))[0]).toContain('without "v", such as 1.17.0')
    expect(problems(platform('firecracker', { version: '1/../..' }))[0]).toContain('without "v"')
  })

  it('gives two platforms of one kind their own builds', () => {
    const install = (version: string) =>
      releases.install('firecracker', version, { firecracker: { path: 'firecracker', text: script(version) } })
    const [older, newer] = [install('1.15.1'), install('1.17.0')]
    const specs = [platform('firecracker'), platform('firecracker', { version: '1.15.1', name: 'fc-1-15' })]
    const versions = resolvePlatforms(specs, drivers, 'x').map(({ driver, options }) => driver.version?.(options)[0])
    expect(versions).toEqual([join(newer, 'firecracker'), join(older, 'firecracker')])
  })
})

describe("gVisor's bundle", () => {
  const bundle = () =>
    releases.install('gvisor', '20261005.0', {
      runsc: { path: 'runsc', text: script('runsc version release-20261005.0') },
      'containerd-shim-runsc-v1': { path: 'containerd-shim-runsc-v1', text: script('') },
      gvisor_sentry: { path: 'gvisor-bin/gvisor_sentry', text: script('') },
    })

  it('stays together: runsc is started beside gvisor-bin', () => {
    const folder = bundle()
    const { driver, options } = resolved(platform('gvisor'))
    const [program] = driver.version!(options)
    expect(dirname(program!)).toBe(folder)
  })

  it('is found by the shim of containerd, which looks in PATH', async () => {
    const folder = bundle()
    vi.stubEnv('PATH', '/usr/bin')
    const { findingShim } = await import('../../../../src/platforms/containerd.ts')
    const argv = findingShim(undefined, ['containerd'])
    expect(argv.slice(0, 1)).toEqual(['env'])
    expect(argv[1]).toMatch(new RegExp(`^PATH=${folder}:/usr/bin:`))
    expect(argv.at(-1)).toBe('containerd')
  })
})
