/** A Slurm cluster of three nodes on this machine, in its own network namespace, without a file in /etc. */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { which } from '../../../src/host/packages.ts'

/** The programs of Debian's packages slurm-wlm and munge that this host lacks. */
export const missingPrograms = (): string[] =>
  ['munged', 'slurmctld', 'slurmd', 'sbatch', 'scontrol'].filter((name) => which(name) === undefined)

const nodes = ['n1', 'n2', 'n3']

/** All daemons run as root, without cgroups, systemd and an accounting database. */
const configOf = (folder: string): string => `ClusterName=isobench
SlurmctldHost=${hostname().split('.')[0]}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/munge.socket
CredType=cred/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool.%n
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
ReturnToService=2
PropagateResourceLimits=NONE
KillWait=2
MinJobAge=3600
NodeName=n[1-3] NodeHostname=${hostname().split('.')[0]} NodeAddr=127.0.0.1 Port=[17001-17003] CPUs=1 State=UNKNOWN
PartitionName=all Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
`

// The daemons call getaddrinfo with AI_ADDRCONFIG, which ignores loopback: the namespace needs another address.
const prepareNetwork =
  'ip link set lo up && ip link add d0 type veth peer name d1 && ip addr add 10.99.0.1/24 dev d0 && ' +
  'ip link set d0 up && echo ready && exec sleep 600'

export class Slurm {
  readonly #daemons: ChildProcess[] = []

  private constructor(
    private readonly folder: string,
    private readonly network: ChildProcess,
  ) {}

  /** Starts the cluster, and waits until all nodes are idle. */
  static async start(): Promise<Slurm> {
    const folder = mkdtempSync(join(tmpdir(), 'isobench-slurm-'))
    const network = spawn('unshare', ['--net', 'sh', '-c', prepareNetwork], { stdio: ['ignore', 'pipe', 'inherit'] })
    const slurm = new Slurm(folder, network)
    try {
      await new Promise<void>((resolve, reject) => {
        network.stdout!.once('data', () => resolve())
        network.once('exit', () => reject(new Error('the network namespace could not be made')))
      })
      mkdirSync(join(folder, 'state'))
      writeFileSync(join(folder, 'slurm.conf'), configOf(folder))
      writeFileSync(join(folder, 'munge.key'), randomBytes(128), { mode: 0o600 })
      const file = (name: string) => join(folder, name)
      slurm.#daemon(
        'munged',
        '--foreground',
        '--force',
        `--key-file=${file('munge.key')}`,
        `--socket=${file('munge.socket')}`,
        `--pid-file=${file('munged.pid')}`,
        `--log-file=${file('munged.log')}`,
        `--seed-file=${file('munge.seed')}`,
      )
      slurm.#daemon('slurmctld', '-D', '-c', '-L', file('slurmctld.log'))
      for (const node of nodes) slurm.#daemon('slurmd', '-D', '-c', '-N', node, '-L', file(`slurmd.${node}.log`))
      await slurm.until(
        async () => (await slurm.#try('sinfo', '-h', '-t', 'idle', '-o', '%D')) === String(nodes.length),
        'all nodes are idle',
      )
      return slurm
    } catch (error) {
      await slurm[Symbol.asyncDispose]()
      throw error
    }
  }

  #inNamespace(command: readonly string[]): string[] {
    return ['nsenter', `--net=/proc/${this.network.pid}/ns/net`, ...command]
  }

  #daemon(...command: string[]): void {
    const [program, ...args] = this.#inNamespace(command)
    this.#daemons.push(spawn(program!, args, { stdio: 'ignore', env: this.#env }))
  }

  get #env(): Record<string, string> {
    return { ...(process.env as Record<string, string>), SLURM_CONF: join(this.folder, 'slurm.conf') }
  }

  /** Runs a command in the cluster's network. Returns its standard output. @throws {Error} if it fails */
  async run(command: readonly string[], cwd = '.', env: Readonly<Record<string, string>> = {}): Promise<string> {
    const [program, ...args] = this.#inNamespace(command)
    const { stdout } = await execa(program!, args, { cwd, env: { ...this.#env, ...env }, timeout: 60_000 })
    return stdout
  }

  async #try(...command: string[]): Promise<string | undefined> {
    return this.run(command).catch(() => undefined)
  }

  /** A field of the job in `scontrol show job`, such as JobState. */
  async field(job: string, name: string): Promise<string | undefined> {
    const text = (await this.#try('scontrol', '-o', 'show', 'job', job)) ?? ''
    // The record of an array can come with the ones of its other tasks.
    const [id, task] = job.split('_')
    const own = text.split('\n').find((line) => task === undefined || line.includes(` ArrayTaskId=${task} `))
    return own?.includes(`Id=${id} `) ? new RegExp(`(?:^| )${name}=(\\S+)`).exec(own)?.[1] : undefined
  }

  /** @throws {Error} with the logs, if `seconds` pass first */
  async until(condition: () => Promise<boolean>, what: string, seconds = 60): Promise<void> {
    for (let left = seconds * 10; !(await condition()); left--) {
      if (left <= 0) throw new Error(`the time ran out before ${what}:\n${this.#log('slurmctld.log')}`)
      await sleep(100)
    }
  }

  #log(name: string): string {
    try {
      return readFileSync(join(this.folder, name), 'utf8').slice(-4000)
    } catch {
      return ''
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#try('scancel', '--user=root')
    const hasEnded = async () => (await this.#try('squeue', '-h')) === ''
    for (let left = 50; left > 0 && !(await hasEnded()); left--) await sleep(100)
    await Promise.all([...this.#daemons.reverse(), this.network].map(end))
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const isOver = await Promise.race([ended.then(() => true), sleep(3000, false)])
  if (!isOver) child.kill('SIGKILL')
  await ended
}
