/** Docker through an existing dockerd. This file starts one in separate namespaces and treats it as the host's. */

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBusyboxRootfs } from '../../src/host/mounts.ts'
import { makeProgram } from '../../src/platforms/shared/engine-runtimes.ts'
import { benchFile, expectNoStack, imports, Project } from './support/cli.ts'
import { ensureImage, observe, obstacles } from './support/host.ts'
import { describeUnless, testUnless } from './support/skip.ts'

const found = await obstacles('docker', 'gvisor')
const [unavailable, gvisor] = [found.docker!, found.gvisor!]

const folder = mkdtempSync(join(tmpdir(), 'isobench-dockerd-'))
const netns = `isobt-${process.pid}`
const socket = `unix://${folder}/run/docker.sock`
const env = { DOCKER_HOST: socket }
const docker = (...args: string[]) =>
  execFileSync('docker', ['--config', join(folder, 'client'), '--host', socket, ...args], { encoding: 'utf8' }).trim()
const inNetns = (...argv: string[]) =>
  execFileSync('nsenter', [`--net=/run/netns/${netns}`, ...argv], { encoding: 'utf8' })

/** The objects of a dockerd, and its network. */
const state = () => ({
  containers: docker('container', 'ls', '--all', '--no-trunc', '--format', '{{.ID}} {{.Names}} {{.Image}} {{.State}}'),
  foreign: docker('container', 'inspect', '--format', '{{json .}}', 'foreign'),
  images: docker('image', 'ls', '--all', '--no-trunc', '--format', '{{.ID}} {{.Repository}}:{{.Tag}} {{.Size}}'),
  networks: docker('network', 'ls', '--no-trunc'),
  bridge: docker('network', 'inspect', 'bridge'),
  volumes: docker('volume', 'ls'),
  runtimes: docker('info', '--format', '{{json .Runtimes}} {{.DefaultRuntime}}'),
  links: inNetns('ip', '-brief', 'link'),
  // Without counters and times.
  rules: inNetns('iptables-save').replace(/^#.*$|\[\d+:\d+\]/gm, ''),
})

/** A bench that leaves time to interrupt its run. */
const slow = benchFile("await guest.exec(command('sleep', '0.5')); return { time: await say(1) }")

const served = `${imports}
bench('ping', workload('ping', {
  metrics: { size: higher('B') },
  async run({ guest, client }) {
    const server = command('socat', 'TCP4-LISTEN:7000,fork,reuseaddr', 'EXEC:/bin/uname -n')
    await using service = await guest.serve(server, { port: 7000 })
    const address = \`TCP4:\${service.address}:\${service.port}\`
    const { stdout } = await client.exec(command('socat', '-T2', '-u', address, 'STDOUT'))
    if (stdout === '') throw new Error('no answer')
    return { size: stdout.length }
  },
}))
bench('boot', workload.boot('boot', {
  metrics: { time: lower('ms') },
  run: async ({ boot }) => ({ time: (await boot(command('/bin/busybox', 'true'))).milliseconds }),
}))
`

describeUnless(unavailable, 'platform-unavailable', 'a dockerd of the host', () => {
  let daemon: number | undefined
  let before: ReturnType<typeof state>

  beforeAll(async () => {
    ensureImage()
    execFileSync('ip', ['netns', 'add', netns])
    for (const name of ['run', 'etc', 'root']) mkdirSync(join(folder, name))
    // Its /run and its keys are below the folder, so that it shares nothing with the host.
    const script = 'mount --bind "$1/etc" /etc/docker 2>/dev/null; mount --rbind "$1/run" /run; shift; exec "$@"'
    const argv = ['dockerd', `--data-root=${folder}/data`, '--exec-root=/run/docker', '--pidfile=/run/docker.pid']
    const runsc = { path: makeProgram(join(folder, 'runsc'), { runtime: 'runsc' }), runtimeArgs: ['-directfs=false'] }
    writeFileSync(join(folder, 'daemon.json'), JSON.stringify({ runtimes: { 'gvisor-gofer': runsc } }))
    const options = ['--host=unix:///run/docker.sock', '--bip=10.213.7.1/24', '--log-level=error']
    options.push(`--config-file=${folder}/daemon.json`)
    const child = spawn(
      'nsenter',
      [`--net=/run/netns/${netns}`, 'unshare', '--mount', 'sh', '-c', script, 'sh', folder, ...argv, ...options],
      { detached: true, stdio: 'ignore' },
    )
    daemon = child.pid
    for (let tries = 0; !existsSync(join(folder, 'run/docker.sock')) && tries < 600; tries++) await sleep(50)
    createBusyboxRootfs(join(folder, 'root'))
    const importing = 'tar -C "$1" -c . | docker --host "$2" import - foreign:1'
    execFileSync('sh', ['-c', importing, 'sh', join(folder, 'root'), socket])
    docker('run', '--detach', '--name=foreign', '--ulimit=nofile=1024:1024', 'foreign:1', '/bin/sleep', 'infinity')
    before = state()
  }, 120_000)

  afterAll(async () => {
    if (daemon === undefined) return
    try {
      docker('rm', '--force', 'foreign')
    } finally {
      process.kill(daemon, 'SIGTERM')
      for (let tries = 0; existsSync(`/proc/${daemon}/exe`) && tries < 400; tries++) await sleep(50)
      execFileSync('ip', ['netns', 'delete', netns])
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    }
  }, 60_000)

  test('that answers is used, over its bridge, and is afterwards as it was', async () => {
    const host = observe()
    const since = (Date.now() / 1000).toFixed(3)
    using project = Project.of(served, ['native', 'docker'])
    const { report } = await project.run(['--rounds', '1'], { env, timeout: 240 })
    expect(report.platforms[1]!.version).toContain(`the host's dockerd at ${socket}`)
    for (const { results } of report.cases)
      expect(results.map(({ platform, errors }) => [platform, errors])).toEqual([
        ['native', []],
        ['docker', []],
      ])
    const made = docker(
      'events',
      '--since',
      since,
      '--until',
      String(Math.ceil(Date.now() / 1000)),
      '--filter',
      'event=create',
      '--format',
      '{{.Actor.Attributes.name}}',
    )
    expect(made.split('\n').length).toBeGreaterThanOrEqual(4)
    for (const name of made.split('\n')) expect(name).toMatch(/^isob-/)
    expect(state()).toEqual(before)
    host.expectClean()
  })

  test('has nothing of ours any more after `isobench clean`, when the run was killed', async () => {
    const host = observe()
    using project = Project.of(slow, ['native', 'docker'])
    const running = project.start(['run', '--wait-for-lock', '--rounds', '500'], { env, timeout: 240 })
    await running.until(() => project.samples() >= 3, 'the third sample', 200)
    await running.kill('SIGKILL')
    expect(docker('ps', '--format', '{{.Names}}')).toMatch(/^isob-/m)
    const cleaned = await project.isobench(['clean'], { env })
    expect(cleaned.stdout).toMatch(
      /ran the command that removes containers and images of isob-\S+ in the dockerd at unix:/,
    )
    expect(cleaned.exitCode).toBe(0)
    expect(state()).toEqual(before)
    host.expectClean()
  })

  test('that lacks a runtime is reported with how to fix it', async () => {
    using project = Project.with({
      'isobench.config.ts': `import { defineConfig, platform } from 'isobench'
export default defineConfig({ platforms: [
  platform('docker', { runtime: 'crun', name: 'docker-crun' }),
  platform('docker', { runtime: 'crun', name: 'own-crun', daemon: 'own' }),
  platform('docker', { runtime: 'runsc', name: 'docker-gofer', flags: ['--directfs=false'] }),
  platform('docker', { runtime: 'runsc', name: 'docker-ptrace', mode: 'ptrace', flags: ['--directfs=false'] }),
] })`,
    })
    const outcome = await project.isobench(['doctor', '--json', '--wait-for-lock'], { env })
    expectNoStack(outcome)
    const { platforms } = JSON.parse(outcome.stdout)
    expect(platforms[0]).toMatchObject({
      available: false,
      reason: expect.stringMatching(/no runtime "crun"; it has .*runc/),
      fix: expect.stringContaining("daemon: 'own'"),
    })
    expect(platforms[1].reason).toBeUndefined()
    if (gvisor === '') expect(platforms[2].version).toContain(`the host's dockerd at ${socket}`)
    if (gvisor === '') expect(platforms[2].reason).toBeUndefined()
    expect(platforms[3]).toMatchObject({
      available: false,
      reason: expect.stringContaining('no runtime "runsc --platform=ptrace --directfs=false"; it has gvisor-gofer, '),
      fix: expect.stringContaining('"runtimeArgs":["--platform=ptrace","--directfs=false"]'),
    })
    expect(state()).toEqual(before)
  })
})

const legacy = '/usr/sbin/xtables-legacy-multi'

describeUnless(unavailable, 'platform-unavailable', "isobench's own dockerd", () => {
  const noLegacy = existsSync(legacy) ? '' : `there is no ${legacy}`

  testUnless(noLegacy, 'program-missing', 'works if the iptables in PATH makes legacy rules', async () => {
    const host = observe()
    using project = Project.with({
      'isobench.config.ts': `import { defineConfig, platform } from 'isobench'
export default defineConfig({
  platforms: [platform('docker', { daemon: 'own' })],
  profiles: { quick: { warmup: 0 } },
})`,
      'benches/it.bench.ts': served,
    })
    mkdirSync(project.path('bin'))
    for (const name of ['iptables', 'ip6tables', 'iptables-save', 'iptables-restore'])
      symlinkSync(legacy, project.path('bin', name))
    const PATH = `${project.path('bin')}:${process.env.PATH}`
    expect(execFileSync('iptables', ['--version'], { encoding: 'utf8', env: { PATH } })).toContain('legacy')
    const { report } = await project.run(['--rounds', '1'], { env: { PATH }, timeout: 240 })
    expect(report.platforms[0]!.version).toContain("isobench's own dockerd")
    expect(report.cases.flatMap(({ results }) => results.map(({ errors }) => errors))).toEqual([[], []])
    host.expectClean()
  })

  test('ends with its bridge, rules and data when the run that started it ends or is killed', async () => {
    const host = observe()
    const network = () => [
      execFileSync('iptables-save', { encoding: 'utf8' }).replace(/^#.*$|\[\d+:\d+\]/gm, ''),
      ...['/var/lib/docker', '/run/docker', '/run/docker.sock', '/sys/class/net/docker0'].map((path) =>
        existsSync(path),
      ),
    ]
    const before = network()
    using project = Project.with({
      'isobench.config.ts': `import { defineConfig, platform } from 'isobench'
export default defineConfig({ platforms: [platform('native'), platform('docker', { daemon: 'own' })] })`,
      'benches/it.bench.ts': slow,
    })
    const running = project.start(['run', '--wait-for-lock', '--rounds', '500'], { timeout: 240 })
    await running.until(() => project.samples() >= 3, 'the third sample', 200)
    expect(network()).toEqual(before)
    await running.kill('SIGKILL')
    expect(host.leftovers().filter((line) => line.startsWith('process') && line.includes('dockerd'))).toHaveLength(1)
    expect((await project.isobench(['clean'])).exitCode).toBe(0)
    host.expectClean()
    expect(network()).toEqual(before)
  })
})
