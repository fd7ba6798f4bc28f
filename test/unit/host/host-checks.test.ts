import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { distributionText, hostCheckText } from '../../../src/commands/doctor-host.ts'
import { checkCgroups, checkDisks, checkKeyring, checkUserNamespaces } from '../../../src/host/host-checks.ts'
import { debianKeyring, imageKeys, keyFingerprints, verifiesImage } from '../../../src/host/keyring.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'isobench-host-'))
})
afterEach(() => {
  rmSync(root, { recursive: true })
  vi.unstubAllEnvs()
})

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

const apparmor = 'proc/sys/kernel/apparmor_restrict_unprivileged_userns'
/** As apparmor 4.0 of Ubuntu 24.04 has it: podman/issues/24642. */
const podmanProfile =
  'abi <abi/4.0>,\ninclude <tunables/global>\nprofile podman /usr/bin/podman flags=(unconfined) {\n  userns,\n}\n'

describe('unprivileged user namespaces', () => {
  const check = (program?: string) => checkUserNamespaces(program, root)

  it('are allowed on a host without a setting', () => {
    expect(check()).toEqual({ check: 'user-namespaces', ok: true, sysctl: null, profile: null })
    write({ [apparmor]: '0\n', 'proc/sys/kernel/unprivileged_userns_clone': '1\n' })
    expect(check()).toMatchObject({ ok: true, sysctl: null })
    expect(hostCheckText(check())).toEqual({
      ok: true,
      name: 'user namespaces',
      text: 'unprivileged processes can create them',
    })
  })

  it.each([
    ['kernel.unprivileged_userns_clone', '0', '1'],
    ['user.max_user_namespaces', '0', '15000'],
    ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
  ])('are forbidden by %s = %s', (name, value, allowing) => {
    write({ [`proc/sys/${name.replaceAll('.', '/')}`]: `${value}\n` })
    expect(check()).toMatchObject({ ok: false, sysctl: { name, value, allowing }, profile: null })
    const { text, fix } = hostCheckText(check())
    expect(text).toBe(`${name} is ${value}: podman-rootless does not work; platforms that isobench starts as root do`)
    expect(fix).toBe(`sysctl ${name}=${allowing}`)
  })

  it('are allowed for podman by its AppArmor profile, at the path of the package', () => {
    write({ [apparmor]: '1\n', 'etc/apparmor.d/podman': podmanProfile })
    expect(check()).toMatchObject({ ok: true, profile: '/etc/apparmor.d/podman' })
    expect(check('/usr/local/bin/podman')).toMatchObject({ ok: false, profile: null })
    expect(hostCheckText(check()).text).toBe(
      'kernel.apparmor_restrict_unprivileged_userns is 1, and /etc/apparmor.d/podman allows podman to create them',
    )
  })

  it('are not allowed by a profile that only mentions them in a comment', () => {
    write({ [apparmor]: '1\n', 'etc/apparmor.d/podman': podmanProfile.replace('  userns,', '  # userns,') })
    expect(check().ok).toBe(false)
  })
})

describe('cgroups', () => {
  const mount = (path: string, type: string, options: string, superOptions: string) =>
    `30 24 0:26 / ${path} ${options},nosuid shared:9 - ${type} ${type} ${superOptions}\n`
  const unified = (options = 'rw') => mount('/sys/fs/cgroup', 'cgroup2', options, 'rw,nsdelegate')
  const legacy = (names: string) => mount(`/sys/fs/cgroup/${names}`, 'cgroup', 'rw', `rw,${names}`)
  const mounted = (...lines: string[]) => write({ 'proc/self/mountinfo': lines.join('') })
  const files = (given: Readonly<Record<string, string>>) =>
    write(Object.fromEntries(Object.entries(given).map(([name, text]) => [`sys/fs/cgroup/cgroup.${name}`, text])))
  const all = 'cpuset cpu io memory hugetlb pids rdma misc\n'
  const check = () => checkCgroups(root)

  it('v2 with all controllers', () => {
    mounted(unified())
    files({ controllers: all, subtree_control: 'cpu memory pids\n', procs: '1\n2\n' })
    expect(check()).toEqual({ check: 'cgroups', ok: true, layout: 'unified', missing: [], obstacle: null })
    expect(hostCheckText(check())).toEqual({ ok: true, name: 'cgroups', text: 'v2' })
  })

  it('v2 in which memory and pids are not delegated to this host', () => {
    mounted(unified())
    files({ controllers: 'cpuset cpu io\n' })
    expect(check()).toMatchObject({ ok: false, layout: 'unified', missing: ['memory', 'pids'] })
    expect(hostCheckText(check())).toMatchObject({
      text: 'v2 without memory, pids',
      fix: expect.stringContaining('Delegate=yes'),
    })
  })

  it('v2 without io, which no limit needs', () => {
    mounted(unified())
    files({ controllers: 'cpuset cpu memory pids\n' })
    expect(check()).toMatchObject({ ok: true, missing: ['io'] })
    expect(hostCheckText(check())).toEqual({ ok: true, name: 'cgroups', text: 'v2 without io' })
  })

  it('v2 in a container with processes in its root', () => {
    mounted(unified())
    files({ controllers: all, subtree_control: '\n', procs: '1\n', type: 'domain\n' })
    expect(check()).toMatchObject({ ok: false, obstacle: 'processes-in-root' })
    files({ procs: '' })
    expect(check()).toMatchObject({ ok: true, obstacle: null })
    files({ procs: '1\n', subtree_control: 'cpuset cpu io memory pids\n' })
    expect(check()).toMatchObject({ ok: true, obstacle: null })
  })

  it('v2 that is mounted read-only', () => {
    mounted(unified('ro'))
    files({ controllers: all })
    expect(check()).toMatchObject({ ok: false, obstacle: 'read-only' })
  })

  it('v1 and v2 side by side, v1 alone, and none', () => {
    const v1 = ['cpuset', 'cpu,cpuacct', 'blkio', 'memory', 'pids', 'freezer'].map(legacy)
    mounted(mount('/', 'ext4', 'rw', 'rw'), ...v1, mount('/sys/fs/cgroup/unified', 'cgroup2', 'rw', 'rw'))
    expect(check()).toEqual({ check: 'cgroups', ok: true, layout: 'hybrid', missing: [], obstacle: null })
    expect(hostCheckText(check()).text).toBe('v1 and v2 (hybrid)')
    mounted(...v1.slice(0, 3))
    expect(check()).toMatchObject({ ok: false, layout: 'legacy', missing: ['memory', 'pids'] })
    mounted(mount('/', 'ext4', 'rw', 'rw'))
    expect(check()).toMatchObject({ ok: false, layout: 'none' })
    expect(hostCheckText(check()).fix).toBe('boot the host with cgroups enabled')
  })
})

describe('the keyring of the image', () => {
  /** A version 4 key packet in the old format (RFC 9580, 4.2.2), with a body that is no real key. */
  const packet = (tag: number, body: Buffer) =>
    Buffer.concat([Buffer.from([0x80 | (tag << 2) | 1, body.length >> 8, body.length & 0xff]), body])
  const key = (tag: number, fill: number) => packet(tag, Buffer.from([4, ...Array.from({ length: 300 }, () => fill)]))

  it('is absent, outdated or usable', () => {
    const file = join(root, 'keyring.gpg')
    expect(checkKeyring(file)).toEqual({ check: 'keyring', ok: false, path: file, state: 'absent' })
    expect(hostCheckText(checkKeyring(file)).fix).toBe('apt-get install debian-archive-keyring')
    writeFileSync(file, Buffer.concat([key(6, 1), packet(13, Buffer.from('a user')), key(14, 2)]))
    expect(keyFingerprints(readFileSync(file))).toHaveLength(2)
    expect(checkKeyring(file)).toMatchObject({ ok: false, state: 'outdated' })
    expect(hostCheckText(checkKeyring(file))).toMatchObject({
      text: `${file} has no key of the image's suite, so apt cannot verify the image's packages`,
      fix: expect.stringMatching(/^install debian-archive-keyring 2025\.1 or later from https:/),
    })
    writeFileSync(file, 'an armored keyring, which apt may be able to read')
    expect(checkKeyring(file).state).toBe('usable')
  })

  it('never reads past a truncated packet', () => {
    const whole = Buffer.concat([key(6, 1), key(14, 2)])
    for (let length = 0; length < whole.length; length++)
      expect(keyFingerprints(whole.subarray(0, length)).length).toBeLessThanOrEqual(1)
  })

  const real = (name: string) => `/usr/share/keyrings/debian-archive-${name}.gpg`
  it.runIf(verifiesImage(debianKeyring))('of Debian has the keys that gpg shows', () => {
    const fingerprints = keyFingerprints(readFileSync(debianKeyring))
    for (const one of imageKeys) expect(fingerprints).toContain(one)
    // What Ubuntu 24.04 and 22.04 have: no keys after Debian 12, and none after Debian 11.
    expect(verifiesImage(real('bookworm-automatic'))).toBe(true)
    expect(verifiesImage(real('bullseye-automatic'))).toBe(false)
  })
})

describe('disk space', () => {
  const gib = 1024 ** 3

  it('needs more before the image is built, and counts the nearest folder that exists', () => {
    vi.stubEnv('ISOBENCH_CACHE', join(root, 'cache/of/isobench'))
    vi.stubEnv('ISOBENCH_STATE', root)
    const asked: string[] = []
    const free = (folder: string) => {
      asked.push(folder)
      return 2 * gib
    }
    expect(checkDisks(false, free)).toMatchObject([
      { folder: 'cache', ok: false, freeBytes: 2 * gib, neededBytes: 3 * gib, path: join(root, 'cache/of/isobench') },
      { folder: 'state', ok: true, neededBytes: gib },
    ])
    expect(asked).toEqual([root, root])
    expect(checkDisks(true, free).map(({ ok }) => ok)).toEqual([true, true])
    const [cache, state] = checkDisks(false, free).map(hostCheckText)
    expect(cache).toEqual({
      ok: false,
      name: 'disk (cache)',
      text: `2.0 GiB free at ${join(root, 'cache/of/isobench')}, 3.0 GiB needed`,
      fix: 'free space (isobench image prune), or set ISOBENCH_CACHE to a folder on another disk',
    })
    expect(state).toEqual({ ok: true, name: 'disk (state)', text: `2.0 GiB free at ${root}` })
  })

  it('is read from the file system', () => {
    vi.stubEnv('ISOBENCH_STATE', root)
    expect(checkDisks(true)[1]!.freeBytes).toBeGreaterThan(0)
  })
})

describe('the line about the distribution', () => {
  it.each([
    ['Debian GNU/Linux 12 (bookworm)', 'Debian 12', true, 'Debian GNU/Linux 12 (bookworm)'],
    ['Linux Mint 22.1', 'Ubuntu 24.04', true, 'Linux Mint 22.1, with the packages of Ubuntu 24.04'],
    ['Ubuntu 25.10', 'Ubuntu 24.04', false, 'Ubuntu 25.10: isobench tries the package names of Ubuntu 24.04'],
    ['Arch Linux', null, false, 'Arch Linux: isobench does not know its packages'],
  ])('%s', (name, packages, exact, text) => {
    expect(distributionText({ name, packages, exact })).toMatchObject({ ok: exact, text })
  })
})
