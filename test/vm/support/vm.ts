/**
 * A Debian VM in QEMU with this checkout. Its kernel allows tracing, and it has only cgroup v2. Its CPUs are emulated,
 * and it has no network. It ends with its job, at its time limit, or with the process that started it.
 */

import { closeSync, cpSync, existsSync, mkdirSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { findImage } from '../../../src/host/image.ts'
import { runHostCommand } from '../../../src/host/process.ts'
import { makeDisk } from '../../../src/vm/disks.ts'
import { ensureRoot, kernelOf } from './root.ts'

const repository = fileURLToPath(new URL('../../..', import.meta.url))
/** The parts of the checkout that the VM gets. */
const checkout = [
  'benches',
  'bin',
  'dist',
  'node_modules',
  'scripts',
  'src',
  'test',
  'docs',
  'README.md',
  'CHANGELOG.md',
]
const settings = ['package.json', 'tsconfig.json', 'isobench.config.ts', 'vitest.config.ts']

/** Emulated CPUs are slow, more so on a busy host and for files that are read for the first time. */
const patience = 'export ISOBENCH_PROBE_SECONDS=900 ISOBENCH_IMPORT_SECONDS=300'

export interface VmJob {
  /** A bash script, which runs as root in `/checkout`. The host gets the files of `/results`. */
  readonly script: string
  /** Seconds until the VM is killed. */
  readonly seconds: number
  /** An empty folder for the VM's disks, its log and its results. */
  readonly folder: string
  readonly cpus?: number
  readonly memoryMiB?: number
  /** Gives the VM's CPUs SVM, so that it has a nested, slow KVM. */
  readonly svm?: boolean
  /** Files and folders of the host, by their path in the checkout. */
  readonly files?: Readonly<Record<string, string>>
}

export interface VmResult {
  readonly exitCode: number
  /** The output of the script, standard error included. */
  readonly log: string
  /** A folder with the files of `/results`. */
  readonly results: string
}

/** Boots a VM, runs one job in it, and resolves when the VM has ended. @throws {Error} without a result */
export async function runInVm(job: VmJob): Promise<VmResult> {
  const { folder, seconds, files = {} } = job
  const image = findImage()
  if (!image) throw new Error('the image is not built: isobench image build')
  const root = await ensureRoot()
  const file = (name: string) => join(folder, name)
  const stage = file('checkout')
  for (const name of [...checkout, ...settings])
    if (existsSync(join(repository, name))) cpSync(join(repository, name), join(stage, name), { recursive: true })
  for (const [name, path] of Object.entries(files))
    cpSync(path, join(stage, name), { recursive: true, dereference: true })
  await runHostCommand(['mke2fs', '-q', '-F', '-t', 'ext4', '-d', stage, file('checkout.ext4'), '4G'], { timeout: 300 })
  await makeDisk(image.rootfs, file('image.ext4'))
  const cached = `/var/cache/isobench/images/${basename(image.rootfs)}`
  const found = `mkdir -p ${cached} && mount -o ro /dev/disk/by-id/virtio-image ${cached} || exit`
  sized(file('job'), `${found}\n${patience}\ncd /checkout || exit\n${job.script}\n`, 2 ** 16)
  sized(file('results.tar'), '', 2 ** 29)
  console.info(`log of the VM: ${file('log')}`)
  // A worker of Vitest outlives its parent. It only gets an event when the channel closes.
  const orphaned = new AbortController()
  process.once('disconnect', () => orphaned.abort())
  const { timedOut } = await execa('setpriv', ['--pdeathsig', 'KILL', '--', ...argvOf(job, root)], {
    env: { QEMU_MODULE_DIR: join(root.tree, 'usr/lib/x86_64-linux-gnu/qemu'), TMPDIR: folder },
    stdin: 'ignore',
    stdout: { file: file('qemu.log') },
    stderr: { file: file('qemu.log') },
    timeout: seconds * 1000,
    cancelSignal: orphaned.signal,
    killSignal: 'SIGKILL',
    reject: false,
  })
  const [log, end] = [readFileSync(file('log'), 'utf8'), readFileSync(file('console'), 'utf8').slice(-2000)]
  const results = file('results')
  mkdirSync(results)
  if (timedOut) throw new Error(`the VM did not end within ${seconds} s. Its log:\n${log.slice(-4000)}\n${end}`)
  await runHostCommand(['tar', '--extract', '--file', file('results.tar'), '--directory', results])
  const exitCode = existsSync(join(results, 'exit-code')) ? readFileSync(join(results, 'exit-code'), 'utf8') : undefined
  if (exitCode === undefined)
    throw new Error(`the VM ended without a result:\n${readFileSync(file('qemu.log'), 'utf8')}\n${log}\n${end}`)
  return { exitCode: Number(exitCode), log, results }
}

/** Writes a file that can be a disk: its size is a multiple of a sector. */
function sized(file: string, text: string, bytes: number): void {
  writeFileSync(file, text)
  truncateSync(file, bytes)
}

function argvOf(
  { folder, cpus = 2, memoryMiB = 6144, svm = false }: VmJob,
  { tree, disk }: Awaited<ReturnType<typeof ensureRoot>>,
) {
  const { kernel, initrd } = kernelOf(tree)
  const drive = (id: string, file: string, options = '') => [
    ...['-drive', `if=none,id=${id},file=${file},format=raw${options}`],
    ...['-device', `virtio-blk-pci,drive=${id},serial=${id}`],
  ]
  for (const name of ['log', 'console']) closeSync(openSync(join(folder, name), 'a'))
  return [
    // QEMU of the tree, with its loader and libraries, so that the host needs none.
    join(tree, 'usr/lib64/ld-linux-x86-64.so.2'),
    ...['--library-path', ['', '/pulseaudio'].map((sub) => join(tree, `usr/lib/x86_64-linux-gnu${sub}`)).join(':')],
    join(tree, 'usr/bin/qemu-system-x86_64'),
    ...['qemu', 'seabios'].flatMap((name) => ['-L', join(tree, 'usr/share', name)]),
    ...['-machine', 'q35', '-accel', 'tcg,thread=multi', '-cpu', `max,svm=${svm ? 'on' : 'off'}`],
    ...['-smp', String(cpus), '-m', String(memoryMiB)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-monitor', 'none', '-no-reboot'],
    ...['-kernel', kernel, '-initrd', initrd, '-append', 'root=/dev/vda rw console=ttyS0 quiet panic=-1'],
    ...['-serial', `file:${join(folder, 'console')}`],
    ...drive('root', disk, ',snapshot=on'),
    ...drive('image', join(folder, 'image.ext4'), ',readonly=on'),
    ...['checkout', 'job', 'results'].flatMap((id) =>
      drive(id, join(folder, { checkout: 'checkout.ext4', job: 'job', results: 'results.tar' }[id]!)),
    ),
    ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
    ...['-chardev', `file,id=log,path=${join(folder, 'log')}`, '-device', 'virtserialport,chardev=log,name=log'],
  ]
}
