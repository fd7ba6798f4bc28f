import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { beforeAll, describe, expect, test } from 'vitest'
import { mountChroot, requiredMountPoints } from '../../src/host/mounts.ts'
import { benchFile, cleanupProcesses, config, expectNoStack, Project, type Running, repository } from './support/cli.ts'
import { ensureImage, observe } from './support/host.ts'

beforeAll(ensureImage)

const withImage = (image: string) => config('native').replace('platforms:', `image: ${image},\n  platforms:`)

/** A project with an empty image cache. */
const withEmptyCache = () => {
  const project = Project.with({ 'isobench.config.ts': config('native') })
  return { project, env: { ISOBENCH_CACHE: project.path('cache') } }
}

const cached = (project: Project) =>
  existsSync(project.path('cache/images')) ? readdirSync(project.path('cache/images')) : []

const read = (file: string) => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** The descendants of `pid`, each with its start time, because the kernel reuses numbers. */
function below(pid: number): string[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean)
  return children.flatMap((child) => [`${child} ${startOf(child)}`, ...below(Number(child))])
}

const statOf = (pid: string) =>
  read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ')
const startOf = (pid: string) => statOf(pid)[19] ?? ''

/** Those that still run. A zombie does not, and neither does a process that had ended when it was listed. */
const alive = (processes: readonly string[]) =>
  processes.filter((process) => {
    const [pid, started] = process.split(' ') as [string, string]
    return started !== '' && startOf(pid) === started && statOf(pid)[0] !== 'Z'
  })

/** Waits until a build runs for 5 s, and returns its processes, without the one that cleans up after a kill. */
async function whileBuilding(project: Project, running: Running): Promise<string[]> {
  await running.until(() => cached(project).some((name) => name.endsWith('.tmp')), 'it built')
  await sleep(5000)
  const others = cleanupProcesses(running.pid)
  const processes = below(running.pid).filter((process) => !others.includes(Number.parseInt(process, 10)))
  // mmdebstrap and its children.
  expect(processes.length).toBeGreaterThan(1)
  return processes
}

/** The temporary files of mmdebstrap. */
const scratch = () => readdirSync(tmpdir()).filter((name) => name.startsWith('mmdebstrap'))

/** Ends a build in the middle, and expects that nothing of it is left. */
async function endBuild(
  end: (running: Running, project: Project, env: Readonly<Record<string, string>>) => Promise<void>,
): Promise<void> {
  const host = observe()
  const before = scratch()
  const { project, env } = withEmptyCache()
  using _ = project
  const running = project.start(['image', 'build'], { env })
  const builders = await whileBuilding(project, running)
  await end(running, project, env)
  expect(alive(builders)).toEqual([])
  expect(cached(project)).toEqual([])
  expect(scratch()).toEqual(before)
  host.expectClean()
}

describe('a build that is interrupted', () => {
  test('by SIGINT ends mmdebstrap with its descendants, and leaves nothing incomplete', () =>
    endBuild(async (running) => {
      const outcome = await running.kill('SIGINT')
      expect(outcome.exitCode).toBe(130)
      expectNoStack(outcome)
    }))

  test('by a signal that ends isobench at once is removed all the same', () =>
    endBuild(async (running) => {
      process.kill(running.pid, 'SIGABRT')
      const { stderr } = await running.end()
      expect(stderr).toContain('error  isobench ended while it was building the image.')
    }))

  test('by SIGKILL is not an image, and `isobench clean` ends and removes all of it', () =>
    endBuild(async (running, project, env) => {
      await running.kill('SIGKILL')
      expect((await project.isobench(['image', 'path'], { env })).exitCode).toBe(5)
      expect((await project.isobench(['clean'], { env })).exitCode).toBe(0)
    }))
})

describe('image path', () => {
  test('prints the folder, and ends with 0 if there is an image and with 5 if there is none', async () => {
    const { project, env } = withEmptyCache()
    using _ = project
    const built = await project.isobench(['image', 'path'])
    expect(built.exitCode).toBe(0)
    expect(existsSync(built.stdout.trim())).toBe(true)
    const absent = await project.isobench(['image', 'path'], { env })
    expect(absent.exitCode).toBe(5)
    expect(absent.stdout.trim()).toMatch(new RegExp(`^${project.path('cache')}/images/[0-9a-f]{16}$`))
    expect(absent.stderr).toContain('isobench image build')
  })

  test('names another folder for other packages, in whatever order they are given', async () => {
    using project = Project.with()
    const paths: string[] = []
    for (const image of ['{}', "{ packages: ['jq', 'git'] }", "{ packages: ['git', 'jq'] }", "{ packages: ['fio'] }"]) {
      project.write({ 'isobench.config.ts': withImage(image) })
      paths.push((await project.isobench(['image', 'path'])).stdout)
    }
    expect(paths[1]).toBe(paths[2])
    expect(paths[1]).not.toBe(paths[0])
    // fio is in every image already.
    expect(paths[3]).toBe(paths[0])
  })

  test('prunes unused kernels and disks, prints what it frees, and keeps unfinished ones', async () => {
    const { project, env } = withEmptyCache()
    using _ = project
    const [kernel, disk] = ['cache/kernels/0123456789abcdef', 'cache/disks/fedcba9876543210.ext4']
    project.write({
      [`${kernel}/vmlinux`]: 'x'.repeat(3 * 1024 ** 2),
      [disk]: 'x'.repeat(2 * 1024 ** 2),
      'cache/kernels/0123456789abcdef.12.tmp/vmlinux': '',
    })
    const pruned = await project.isobench(['image', 'prune', '--wait-for-lock'], { env })
    expect(pruned.stdout).toContain(`removed ${project.path(kernel)}: 4 MiB`)
    expect(pruned.stdout).toContain(`removed ${project.path(disk)}: 2 MiB`)
    expect(pruned.stdout).toMatch(/^freed [56] MiB$/m)
    expect(pruned.exitCode).toBe(0)
    expect(readdirSync(project.path('cache/kernels'))).toEqual(['0123456789abcdef.12.tmp'])
    expect(readdirSync(project.path('cache/disks'))).toEqual([])
    expect((await project.isobench(['image', 'prune', '--wait-for-lock'], { env })).stdout).toContain(
      'Nothing to remove: this project uses every kernel and disk.',
    )
  })

  test('refuses what is no package name', async () => {
    using project = Project.with({ 'isobench.config.ts': withImage("{ packages: ['--help'] }") })
    const outcome = await project.isobench(['image', 'path'])
    expect(outcome.exitCode).toBe(5)
    expect(outcome.stderr).toContain('image.packages')
  })
})

describe('a root filesystem of the user', () => {
  const bench = benchFile("return { time: await say((await guest.exec(command('cat', '/etc/owner'))).stdout.length) }")

  /** One static busybox, and the mount points that are given. */
  async function rootIn(project: Project, folders: readonly string[]): Promise<void> {
    for (const name of ['bin', 'etc', ...folders]) mkdirSync(project.path('root', name), { recursive: true })
    await execa('cp', ['/bin/busybox', project.path('root/bin/busybox')])
    for (const name of ['sh', 'echo', 'cat', 'sleep', 'true', 'env'])
      await execa('ln', ['-s', 'busybox', project.path('root/bin', name)])
    project.write({ 'root/etc/owner': 'mine' })
  }

  test('is the root of every guest, and its samples are not compared with those of another image', async () => {
    const host = observe()
    using project = Project.of(bench)
    project.write({
      'isobench.config.ts': withImage("{ rootfs: 'root' }").replace(
        "platform('native')",
        "platform('native'), platform('runc')",
      ),
    })
    await rootIn(project, ['data', 'dev', 'proc', 'run', 'sys', 'tmp'])
    const { report } = await project.run(['--rounds', '1'])
    expect(report.environment.image).toMatch(/^own:/)
    expect(report.cases[0]!.results).toHaveLength(2)
    for (const { errors, metrics } of report.cases[0]!.results) {
      expect(errors).toEqual([])
      expect(metrics.time!.median).toBe('mine'.length)
    }
    expect((await project.isobench(['image', 'remove'])).exitCode).toBe(5)
    expect(existsSync(project.path('root/bin/busybox'))).toBe(true)
    host.expectClean()
  })

  test('is refused without a folder that every platform mounts on, with how to create it', async () => {
    using project = Project.of(bench)
    project.write({ 'isobench.config.ts': withImage("{ rootfs: 'root' }") })
    await rootIn(project, ['dev', 'proc', 'sys', 'tmp'])
    const outcome = await project.isobench(['run', '--wait-for-lock'])
    expect(outcome.exitCode).toBe(5)
    expect(outcome.stderr).toMatch(/lacks \/data, \/run/)
    expect(outcome.stderr).toContain(`mkdir ${project.path('root/data')} ${project.path('root/run')}`)
    expectNoStack(outcome)
  })

  test('is refused before probing if a bench is timed inside guests and it has no node', async () => {
    using project = Project.of(
      "import { bench, workload } from 'isobench'\nbench('sum', workload.inGuest('sum', () => [1, 2].indexOf(2)))\n",
    )
    project.write({ 'isobench.config.ts': withImage("{ rootfs: 'root' }") })
    await rootIn(project, ['data', 'dev', 'proc', 'run', 'sys', 'tmp'])
    const outcome = await project.isobench(['run', '--wait-for-lock'])
    expect(outcome.exitCode).toBe(5)
    expect(outcome.stderr).toMatch(/has no node, which times "sum"/)
    expect(outcome.stderr).not.toContain('probing')
    expectNoStack(outcome)
  })

  test('stops a bench at its first sample if its program is missing, and measures the others', async () => {
    const host = observe()
    const wanting = bench.replaceAll("'spoken'", "'wanting'").replace("'cat', '/etc/owner'", "'sysbench', '--version'")
    using project = Project.of(bench)
    project.write({
      'isobench.config.ts': withImage("{ rootfs: 'root' }").replace(
        "platform('native')",
        "platform('native'), platform('runc')",
      ),
      'benches/wanting.bench.ts': wanting,
    })
    await rootIn(project, ['data', 'dev', 'proc', 'run', 'sys', 'tmp'])
    const { report, record, exitCode, stdout } = await project.run(['--rounds', '2'])
    expect(exitCode).toBe(5)
    expect(report.problems).toEqual([
      expect.objectContaining({
        file: 'benches/wanting.bench.ts',
        message: '"wanting" runs sysbench, and the image has no such program',
        fix: expect.stringContaining('image.packages'),
      }),
    ])
    expect(stdout).toMatch(/benches\/wanting\.bench\.ts:\d+(:\d+)?: "wanting" runs sysbench/)
    const of = (name: string) => record.samples.filter(({ case: point }) => point.includes(name))
    expect(of('#wanting')).toHaveLength(1)
    expect(of('#spoken').filter(({ warmup, outcome }) => !warmup && outcome.ok)).toHaveLength(4)
    host.expectClean()
  })

  test('is refused when it is not there', async () => {
    using project = Project.of(bench)
    project.write({ 'isobench.config.ts': withImage("{ rootfs: '/no/such/root' }") })
    const outcome = await project.isobench(['run', '--wait-for-lock'])
    expect(outcome.exitCode).toBe(5)
    expect(outcome.stderr).toContain('/no/such/root')
    expectNoStack(outcome)
  })
})

test('no mount of a guest’s chroot appears in the image, on a host with shared mounts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-shared-'))
  const [image, view, data] = ['image', 'view', 'data'].map((name) => join(folder, name)) as [string, string, string]
  for (const name of requiredMountPoints) mkdirSync(join(image, name), { recursive: true })
  mkdirSync(data)
  execFileSync('mount', ['--bind', '--make-shared', folder, folder])
  try {
    await mountChroot(image, view, data)
    expect(readdirSync(join(view, 'proc'))).toContain('self')
    expect(read('/proc/self/mountinfo')).not.toContain(` ${image}/`)
  } finally {
    execFileSync('umount', ['--recursive', folder])
    rmSync(folder, { recursive: true })
  }
})

test('the repository’s own config names the image that these tests use', async () => {
  const { stdout } = await execa(process.execPath, ['bin/isobench.js', 'image', 'path'], { cwd: repository })
  expect(existsSync(stdout)).toBe(true)
})
