/** The root filesystem of the test VM: Debian with systemd, a kernel, all container runtimes, and QEMU. */

import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { debianMirror } from '../../../src/host/packages.ts'
import { cacheFolder } from '../../../src/host/paths.ts'
import { runHostCommand } from '../../../src/host/process.ts'

const packages = [
  ...['linux-image-cloud-amd64', 'initramfs-tools', 'zstd', 'systemd-sysv', 'udev', 'dbus', 'kmod', 'nodejs'],
  ...['busybox-static', 'cgroup-tools', 'e2fsprogs', 'iproute2', 'iptables', 'mount', 'procps', 'util-linux'],
  ...['runc', 'crun', 'runsc', 'docker.io', 'docker-cli', 'podman', 'uidmap', 'lxc', 'bubblewrap'],
  ...['systemd-container', 'criu', 'libcriu2'],
  // This QEMU runs VMs inside of the VM. It also runs the VM itself, because the version of the host may differ.
  ...['qemu-system-x86', 'virtiofsd', 'xz-utils'],
]
/** Room for the disks of guests in the VM. Most of the file is a hole. */
const size = '24G'

/** Runs the script on the disk `job`, and powers the VM off. */
const job = `#!/bin/bash
exec >/dev/virtio-ports/log 2>&1 </dev/null
mkdir -p /checkout /results
mount /dev/disk/by-id/virtio-checkout /checkout
tr -d '\\0' </dev/disk/by-id/virtio-job >/run/job
bash /run/job
echo $? >/results/exit-code
tar -C /results -cf /dev/disk/by-id/virtio-results .
sync
systemctl --force poweroff
`
const unit = `[Unit]
Description=The job that this machine was started for
[Service]
Type=exec
Environment=HOME=/root LC_ALL=C.UTF-8
ExecStart=/usr/local/sbin/machine-job
# Its cgroups are isobench's.
Delegate=yes
LimitNOFILE=65536
[Install]
WantedBy=multi-user.target
`

/** The files from which a VM boots. */
export interface VmRoot {
  /** A whole Debian, with the kernel in `boot`. */
  readonly tree: string
  /** The same as an ext4 file system, which stays unchanged. */
  readonly disk: string
}

/** Returns the root filesystem. Building it takes two minutes, once. */
export async function ensureRoot(): Promise<VmRoot> {
  const digest = createHash('sha256')
    .update(JSON.stringify([3, packages, job, unit, size]))
    .digest('hex')
    .slice(0, 16)
  const folder = join(cacheFolder(), 'machines', digest)
  const root = { tree: join(folder, 'tree'), disk: join(folder, 'root.ext4') }
  if (existsSync(folder)) return root
  const temporary = `${folder}.${process.pid}.tmp`
  mkdirSync(temporary, { recursive: true })
  try {
    await build(join(temporary, 'tree'), temporary)
    const shape = ['-t', 'ext4', '-O', '^has_journal', '-m', '0']
    await runHostCommand(
      ['mke2fs', '-q', '-F', ...shape, '-d', join(temporary, 'tree'), join(temporary, 'root.ext4'), size],
      {
        timeout: 600,
      },
    )
    renameSync(temporary, folder)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
  return root
}

async function build(tree: string, scratch: string): Promise<void> {
  const without = ['doc', 'man', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
  await runHostCommand(
    [
      ...['mmdebstrap', '--variant=minbase', '--mode=root', '--components=main', `--include=${packages.join(',')}`],
      ...['--aptopt=Apt::Install-Recommends "false"', ...without, 'trixie', tree, debianMirror()],
    ],
    { timeout: 1800, env: { TMPDIR: scratch } },
  )
  // Only the job may run. Packages start their servers and timers at boot.
  for (const name of ['multi-user', 'timers'])
    rmSync(join(tree, `etc/systemd/system/${name}.target.wants`), { recursive: true, force: true })
  const units = join(tree, 'etc/systemd/system')
  writeFileSync(join(units, 'machine-job.service'), unit)
  mkdirSync(join(units, 'multi-user.target.wants'))
  symlinkSync('../machine-job.service', join(units, 'multi-user.target.wants/machine-job.service'))
  writeFileSync(join(tree, 'usr/local/sbin/machine-job'), job, { mode: 0o755 })
  writeFileSync(join(tree, 'etc/hostname'), 'machine\n')
  writeFileSync(join(tree, 'etc/hosts'), '127.0.0.1 localhost machine\n')
  rmSync(join(tree, 'etc/resolv.conf'), { force: true })
  // Without an id, each boot would be a first one, and systemd would enable the servers of all packages again.
  writeFileSync(join(tree, 'etc/machine-id'), `${'0123456789abcdef'.repeat(2)}\n`)
}

/** The newest kernel of a tree and its initramfs. @throws {Error} without a kernel */
export function kernelOf(tree: string): { readonly kernel: string; readonly initrd: string; readonly release: string } {
  const release = readdirSync(join(tree, 'boot'))
    .flatMap((name) => /^vmlinuz-(.*)$/.exec(name)?.[1] ?? [])
    .sort()
    .at(-1)
  if (release === undefined) throw new Error(`${tree} has no kernel: ${readFileSync(join(tree, 'etc/debian_version'))}`)
  const file = (name: string) => join(tree, 'boot', `${name}-${release}`)
  return { kernel: file('vmlinuz'), initrd: file('initrd.img'), release }
}
