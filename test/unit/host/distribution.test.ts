import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Distribution, distributionFrom, distributions, parseOsRelease } from '../../../src/host/distribution.ts'
import { knownPackages, packageIn } from '../../../src/host/package-names.ts'
import {
  baseRequirements,
  debianMirrors,
  explainNoCandidate,
  imageRequirements,
  installCommand,
  installFix,
  packagesOf,
  parseAptPolicy,
  type Requirement,
} from '../../../src/host/packages.ts'
import { drivers } from '../../../src/platforms/index.ts'
import { dataDiskRequirements, diskRequirements, virtiofsdRequirement } from '../../../src/vm/disks.ts'
import { kernelRequirements } from '../../../src/vm/kernel.ts'

const fixture = (name: string): Record<string, string> =>
  JSON.parse(readFileSync(new URL(`../../fixtures/hosts/${name}.json`, import.meta.url), 'utf8'))
const releases = fixture('os-release')
const policies = fixture('apt-policy')

const host = (name: string): Distribution => distributionFrom(parseOsRelease(releases[name]!))

describe('the distribution of a host', () => {
  it.each([
    ['Debian 12', 'debian-12', true],
    ['Debian 13', 'debian-13', true],
    ['Debian sid', 'debian-13', false],
    ['Ubuntu 22.04', 'ubuntu-22.04', true],
    ['Ubuntu 24.04', 'ubuntu-24.04', true],
    ['Ubuntu 26.04', 'ubuntu-26.04', true],
    // runsc is in 25.10 but not in 24.04: the older names are the safe ones.
    ['Ubuntu 25.10', 'ubuntu-24.04', false],
    ['Ubuntu 20.04', 'ubuntu-22.04', false],
    ['Linux Mint 22.1', 'ubuntu-24.04', true],
    ['LMDE 6', 'debian-12', true],
    ['Pop!_OS 22.04', 'ubuntu-22.04', true],
    ['Raspbian 12', 'debian-12', true],
    ['Kali', 'debian-13', false],
  ])('%s has the packages of %s', (name, id, exact) => {
    expect(host(name)).toMatchObject({ packages: { id }, exact })
  })

  it.each(['Fedora 43', 'Arch'])('%s is in no table', (name) => {
    expect(host(name).packages).toBeUndefined()
    expect(host(name).exact).toBe(false)
  })

  it('has a name for people, also without an os-release file', () => {
    expect(host('Linux Mint 22.1').name).toBe('Linux Mint 22.1')
    expect(host('Arch').name).toBe('Arch Linux')
    expect(distributionFrom({ ID: 'void', VERSION_ID: '1' }).name).toBe('void 1')
    expect(distributionFrom({}).name).toBe('this Linux distribution')
  })

  it('unquotes values as a shell does', () => {
    expect(parseOsRelease('A=b\nB="c \\"d\\" \\$e"\nC=\'f "g"\'\n# D=h\nE=""\n')).toEqual({
      A: 'b',
      B: 'c "d" $e',
      C: 'f "g"',
      E: '',
    })
  })
})

describe('package names', () => {
  const gvisor: Requirement = { binary: 'runsc', package: 'runsc', backports: true }
  const uml: Requirement = { binary: 'linux.uml', package: 'user-mode-linux' }
  const docker: Requirement = { binary: 'docker', package: 'docker-cli' }
  const dockerd: Requirement = { binary: 'dockerd', package: 'docker.io' }
  const names = (name: string, ...requirements: Requirement[]) =>
    packagesOf(requirements, host(name)).map((one) => one.name)

  it.each([
    ['Debian 12', ['docker.io', 'qemu-system-common', 'runsc', 'user-mode-linux']],
    ['Debian 13', ['docker-cli', 'docker.io', 'virtiofsd', 'runsc', 'user-mode-linux']],
    ['Ubuntu 22.04', ['docker.io', 'qemu-system-common']],
    ['Ubuntu 24.04', ['docker.io', 'virtiofsd']],
    ['Linux Mint 22.1', ['docker.io', 'virtiofsd']],
    ['Ubuntu 26.04', ['docker.io', 'virtiofsd', 'runsc']],
    ['Fedora 43', []],
  ])('on %s', (name, expected) => {
    expect(names(name, docker, dockerd, virtiofsdRequirement(), gvisor, uml)).toEqual(expected)
  })

  it('of every driver and of isobench are in the table', () => {
    const ofDrivers = Object.values(drivers).flatMap((driver) => {
      // Options that refer to files of a user cannot have a default.
      const needsImage = driver.kind === 'osv' || driver.kind === 'kubernetes'
      return driver.requirements(driver.options.parse(needsImage ? { image: '/an.img' } : {}))
    })
    const all = [
      ...baseRequirements,
      ...imageRequirements,
      ...dataDiskRequirements,
      ...diskRequirements,
      ...kernelRequirements,
      virtiofsdRequirement(),
      ...ofDrivers,
    ].flatMap(({ package: name }) => name ?? [])
    expect(new Set(all).size).toBeGreaterThan(20)
    expect([...new Set(all)].filter((name) => !knownPackages.includes(name))).toEqual([])
  })

  it('have a version or none, and main packages of Ubuntu are not in universe', () => {
    expect(packageIn('ubuntu-24.04', 'virtiofsd')).toEqual({ name: 'virtiofsd', version: '1.10.0', universe: true })
    expect(packageIn('ubuntu-24.04', 'qemu-system-x86')).toMatchObject({ version: '8.2.2', universe: false })
    expect(packageIn('debian-12', 'podman')).toEqual({ name: 'podman', version: '4.3.1', universe: false })
    for (const { id } of distributions)
      for (const name of knownPackages) expect(packageIn(id, name)?.version ?? '').toMatch(/^$|^\d[\w.]*$/)
  })

  it('of a driver outside of this repository are the same everywhere', () => {
    expect(names('Ubuntu 24.04', { binary: 'mine', package: 'mine-tools' })).toEqual(['mine-tools'])
  })

  it('come from backports on Debian only', () => {
    expect(installCommand([gvisor], host('Debian 12'))).toBe('isobench doctor --install')
    expect(installCommand([gvisor], host('Debian sid'))).toBe('apt-get install --no-install-recommends runsc')
    expect(installCommand([gvisor], host('Ubuntu 26.04'))).toBe('apt-get install --no-install-recommends runsc')
  })
})

describe('how to install what is missing', () => {
  const podman: Requirement = { binary: 'podman', package: 'podman' }
  const gvisor: Requirement = { binary: 'runsc', package: 'runsc', backports: true }
  const ip: Requirement = { binary: 'ip', package: 'iproute2' }

  it('names the programs that the distribution does not package', () => {
    expect(installFix([podman, gvisor], host('Ubuntu 24.04'))).toBe(
      'apt-get install --no-install-recommends podman; Ubuntu 24.04 has no package of runsc: put it into PATH',
    )
  })

  it('says for an unknown distribution what must be in PATH', () => {
    expect(installCommand([podman, ip], host('Fedora 43'))).toBeUndefined()
    expect(installFix([podman, ip], host('Fedora 43'))).toBe(
      'isobench does not know the packages of Fedora Linux 43 (Workstation Edition). It works if these are in PATH ' +
        "(in brackets: Debian's package): podman, ip (iproute2)",
    )
  })

  it('adds the hints of programs without a package, once', () => {
    expect(installFix([{ binary: 'kata', installHint: 'download it' }], host('Debian 13'))).toBe('download it')
  })
})

describe('apt-cache policy', () => {
  it('gives the version that apt would install, and none where there is no candidate', () => {
    expect([...parseAptPolicy(policies['Debian 12']!)]).toEqual([
      ['mmdebstrap', '1.3.5-7'],
      ['runsc', '0.0~20240729.0-4~bpo12+2'],
    ])
    expect([...parseAptPolicy(policies['Ubuntu 24.04']!).keys()]).toEqual(['virtiofsd', 'podman', 'qemu-system-x86'])
    expect(parseAptPolicy(policies['Ubuntu 24.04']!).get('virtiofsd')).toBe('1.10.0-1ubuntu0.1')
  })

  it('shows a host without the component universe', () => {
    const found = parseAptPolicy(policies['Ubuntu 24.04 without universe']!)
    const wanted = packagesOf(
      [
        { binary: 'qemu-system-x86_64', package: 'qemu-system-x86' },
        { binary: 'crun', package: 'crun' },
      ],
      host('Ubuntu 24.04'),
    )
    const absent = wanted.filter(({ name }) => !found.has(name))
    expect(explainNoCandidate(absent)).toEqual({
      problem: 'apt finds no package crun, because the component universe is not enabled on this host.',
      fix: 'apt-get install software-properties-common && add-apt-repository universe',
    })
    expect(explainNoCandidate([{ name: 'runc', backports: false, universe: false }])).toEqual({
      problem: 'apt finds no package runc.',
      fix: "check this host's apt sources",
    })
  })
})

describe('the Debian archives for the image', () => {
  const ubuntu =
    'Types: deb\nURIs: http://archive.ubuntu.com/ubuntu/\nSuites: noble noble-updates\nComponents: main universe\n'
  const debian = 'deb http://mirror.example.org/debian bookworm main\n'
  const security = 'Types: deb\nURIs: http://mirror.example.org/debian-security\nSuites: bookworm-security\n'

  it('are the mirrors of the host', () => {
    const mirrors = { main: 'http://mirror.example.org/debian', security: 'http://mirror.example.org/debian-security' }
    expect(debianMirrors([debian, security], host('Debian 12'))).toEqual(mirrors)
    expect(debianMirrors([debian], host('Debian 12'))).toEqual({ main: mirrors.main })
    expect(debianMirrors([ubuntu, debian, security], host('Ubuntu 24.04'))).toEqual(mirrors)
  })

  it("are Debian's own on a host of another distribution", () => {
    const own = { main: 'https://deb.debian.org/debian', security: 'https://deb.debian.org/debian-security' }
    for (const name of ['Ubuntu 22.04', 'Ubuntu 26.04', 'Linux Mint 22.1', 'Fedora 43', 'Kali', 'LMDE 6'])
      expect(debianMirrors([ubuntu], host(name)), name).toEqual(own)
    for (const name of ['Debian 13', 'Debian sid']) expect(debianMirrors([ubuntu], host(name)), name).toEqual({})
  })
})
