import { describe, expect, it } from 'vitest'
import { resolvePlatforms } from '../../../../src/core/project/platforms.ts'
import {
  lackingReleases,
  type ProvisionOptions,
  provisionMissing,
  unpackersFor,
} from '../../../../src/core/session/provision-missing.ts'
import { DigestError } from '../../../../src/host/releases/errors.ts'
import type { InstallOptions, installRelease } from '../../../../src/host/releases/install.ts'
import { releasesFor } from '../../../../src/host/releases/manifest.ts'
import { hostArch, type Release } from '../../../../src/host/releases/release.ts'
import { platform } from '../../../../src/index.ts'
import { drivers } from '../../../../src/platforms/index.ts'
import { emptyReleases } from '../../../support/releases.ts'

const releases = emptyReleases()
const requirementsOf = (...specs: Parameters<typeof resolvePlatforms>[0]) =>
  resolvePlatforms(specs, drivers, 'isobench.config.ts').flatMap(({ driver, options }) => driver.requirements(options))

type Installer = typeof installRelease

/** Runs it with an installer of the test. Returns what was installed, and the lines that a user sees. */
async function provisioned(
  requirements: ReturnType<typeof requirementsOf>,
  install: (text: string, options: InstallOptions) => void = () => {},
  signal = new AbortController().signal,
  testKvm: ProvisionOptions['testKvm'] = async () => undefined,
) {
  const [installed, lines]: string[][] = [[], []]
  const installer = (async (release: Release, options: InstallOptions) => {
    installed!.push(`${release.name}@${release.version}`)
    install(`${release.name}@${release.version}`, options)
  }) as unknown as Installer
  await provisionMissing(requirements, { signal, installer, testKvm, onProgress: (line) => lines!.push(line) })
  return { installed, lines: lines!.join('\n') }
}

const both = [
  platform('firecracker', { jailer: true, version: '1.15.1' }),
  platform('kata', { runtime: 'go', version: '4.2.0' }),
] as const

describe('with --install', () => {
  it('installs each release that a platform lacks once, in the version of the config', async () => {
    const { installed } = await provisioned(requirementsOf(platform('native'), ...both))
    expect(installed).toEqual(['firecracker@1.15.1', 'kata-go@4.2.0', 'kata@4.2.0'])
  })

  it('leaves out what needs KVM on a host without it, and says so once', async () => {
    const requirements = requirementsOf(...both, platform('youki', { version: '0.7.0' }))
    const { installed, lines } = await provisioned(requirements, undefined, undefined, async () => ({
      reason: 'KVM is unusable here',
      fix: 'use another host',
    }))
    expect(installed).toEqual(['youki@0.7.0'])
    expect(lines.split('\n')[0]).toBe(
      'not installing firecracker@1.15.1, kata-go@4.2.0, kata@4.2.0: KVM is unusable here. ' +
        'To install without KVM: isobench provision firecracker@1.15.1 kata-go@4.2.0 kata@4.2.0',
    )
  })

  it('installs nothing for a platform that has its program', async () => {
    const program = { path: 'firecracker', text: '' }
    releases.install('firecracker', '1.15.1', { firecracker: program, jailer: { ...program, path: 'jailer' } })
    const { installed } = await provisioned(requirementsOf(both[0]))
    expect(installed).toEqual([])
  })

  it('reports what fails with its fix, and goes on with the others', async () => {
    const { installed, lines } = await provisioned(requirementsOf(...both), (text, { onEvent }) => {
      const progress = { bytes: 1, bytesPerSecond: 1 } as never
      for (let times = 0; times < 3; times++) onEvent?.({ kind: 'downloading', source: `https://x/${text}`, progress })
      if (text.startsWith('firecracker')) throw new DigestError('the file has another digest.', 'use a mirror')
    })
    expect(installed).toHaveLength(3)
    expect(lines).toContain('installing the release firecracker 1.15.1, license Apache-2.0')
    expect(lines.match(/downloading https:\/\/x\/firecracker/g)).toHaveLength(1)
    expect(lines).toContain('firecracker@1.15.1 could not be installed: the file has another digest. Fix: use a mirror')
  })

  it('names a version that isobench does not know', async () => {
    const { installed, lines } = await provisioned(requirementsOf(platform('firecracker', { version: '0.9.0' })))
    expect(installed).toEqual([])
    expect(lines).toMatch(/^isobench knows no release firecracker@0\.9\.0 for \w+\. Fix: isobench provision --list$/)
  })

  it('has a fix for such a version that names those it knows', () => {
    const [runsc] = requirementsOf(platform('gvisor', { version: '2026' })).filter(({ provision }) => provision)
    const known = releasesFor(hostArch()).flatMap(({ name, version }) => (name === 'gvisor' ? [version] : []))
    expect(runsc!.installHint).toBe(
      'isobench knows no release gvisor 2026: ' +
        `set the option version to ${known.join(' or ')}, or set the option binary`,
    )
  })

  it('ends when the user interrupts it', async () => {
    const controller = new AbortController()
    const stop = () => {
      controller.abort(new Error('interrupted'))
      throw new Error('the download broke')
    }
    await expect(provisioned(requirementsOf(...both), stop, controller.signal)).rejects.toThrow('interrupted')
  })
})

it('needs a program to unpack only what no package of the distribution has', () => {
  const kata = requirementsOf(platform('kata', { version: '4.2.0' })).filter(({ provision }) => provision)
  expect(unpackersFor(kata).map(({ binary }) => binary)).toEqual(['zstd'])
  const runsc = [{ binary: '/nonexistent/runsc', package: 'coreutils', provision: ['gvisor'] }]
  expect(lackingReleases(runsc).map(({ text }) => text)).toEqual(['gvisor'])
})
