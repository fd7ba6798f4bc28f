import { openSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { hostMounts, parseConfinement, pathOnHost, readConfinement } from '../../../src/host/confinement.ts'
import { parseMounts } from '../../../src/host/mounts.ts'

// Of a process in an LXC container on Linux 6.18.
const status = `Name:\tsleep
PPid:\t812
Uid:\t1000000\t1000000\t1000000\t1000000
CapEff:\t0000000000000400
CapBnd:\t0000000000000401
NoNewPrivs:\t0
Seccomp:\t2
Seccomp_filters:\t1
`

test('reads what confines a thread', () => {
  expect(parseConfinement(status)).toEqual({
    capabilities: ['net_bind_service'],
    boundingCapabilities: ['chown', 'net_bind_service'],
    seccomp: 'filter',
    seccompFilters: 1,
    noNewPrivileges: false,
    user: 1000000,
  })
})

test.each(['', 'CapEff:\t0\n', 'Name:\tx\nCapEff:\tzz\nCapBnd:\t0\nUid:\t0\t0\t0\t0\n'])('%j is no status', (text) => {
  expect(parseConfinement(text)).toBeUndefined()
})

describe('a path on the host', () => {
  const host = hostMounts(
    parseMounts(
      [
        '20 1 8:1 / / rw - ext4 /dev/sda1 rw',
        '21 20 0:22 / /proc rw - proc proc rw',
        '22 20 8:1 /var/lib/isobench/image /mnt/image rw - ext4 /dev/sda1 rw',
        '23 20 8:2 /home /home rw - ext4 /dev/sda2 rw',
        '24 20 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw',
        '',
      ].join('\n'),
    ),
  )
  const inGuest = (line: string) => parseMounts(`${line}\n`)[0]!

  test.each([
    ['a file of the host itself', '/etc/passwd', '20 1 8:1 / / rw - ext4 /dev/sda1 rw', '/etc/passwd'],
    ['the root directory', '/', '20 1 8:1 / / rw - ext4 /dev/sda1 rw', '/'],
    ['a file through a bind mount', '/bin/sh', '40 39 8:1 /var/image / rw - ext4 /dev/sda1 rw', '/var/image/bin/sh'],
    ['a mounted file', '/etc/hosts', '41 39 8:1 /run/hosts /etc/hosts rw - ext4 /dev/sda1 rw', '/run/hosts'],
    ['the mount point', '/data', '42 39 8:1 /var/data /data rw - ext4 /dev/sda1 rw', '/var/data'],
    ['a subtree that the host mounts', '/x/me', '43 39 8:2 /home /x rw - ext4 /dev/sda2 rw', '/home/me'],
    ["the host's /proc", '/proc/1/mem', '44 39 0:22 / /proc rw - proc proc rw', '/proc/1/mem'],
    ['what the host does not mount', '/x/me', '43 39 8:2 /root /x rw - ext4 /dev/sda2 rw', undefined],
    ["the guest's own tmpfs", '/tmp/x', '45 39 0:99 / /tmp rw - tmpfs tmpfs rw', undefined],
    ["the guest's root file system", '/bin/sh', '46 39 0:50 / / rw - overlay overlay rw', undefined],
    ['a path that another mount hides', '/other', '45 39 8:1 / /tmp rw - ext4 /dev/sda1 rw', undefined],
  ])('of %s', (_, path, mount, expected) => {
    expect(pathOnHost(path, inGuest(mount), host)).toBe(expected)
  })
})

describe('of a running process', () => {
  it('reads its threads, namespaces and open files', () => {
    // A file that this process has open, and no other test closes.
    const file = new URL(import.meta.url).pathname
    openSync(file, 'r')
    openSync('/dev/null', 'r')
    const [own] = readConfinement([process.pid])
    expect(own).toMatchObject({ pid: process.pid, parent: process.ppid })
    expect(own!.threads.length).toBeGreaterThan(1)
    expect(own!.threads.map(({ tid }) => tid)).toContain(process.pid)
    expect(own!.threads[0]!.confinement.user).toBe(process.geteuid!())
    expect(own!.exposure.kernelObjects).toContain('eventpoll')
    expect(own!.exposure.devices).not.toContain('/dev/null')
    // In a container, the root file system may be an overlay.
    if (own!.exposure.hostFiles.length > 0) expect(own!.exposure.hostFiles).toContain(file)
  })

  it('leaves out processes that have ended', () => {
    expect(readConfinement([2 ** 22 + 1])).toEqual([])
  })
})
