/** The conductor, its clients and the agent, without a guest: the agent runs on this host in a monitor's place. */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const programs = join(import.meta.dirname, '../../../src/vm/programs')
const nonce = '5ec2e7'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobench-vm-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const load = `require "${programs}/$_.pl" for "frames", "agent"; open my $c, "+<&=", 3; fcntl $c, 4, 2050;`
/** What answers as a guest's agent would. */
const agent = ['perl', '-e', `${load} serve($c, "${nonce}")`]
const afterwards = { stay: 'sleep 30', end: '', halt: 'my $b; 1 while sysread($c, $b, 65536) && $b !~ /\\x06\\0{6}/' }

/** What sends these bytes in an agent's place, and then waits, ends, or waits until the host sends HALT. */
const sending = (bytes: Buffer, then: keyof typeof afterwards = 'stay') => [
  'perl',
  '-e',
  `open my $c, "+<&=", 3; syswrite $c, pack "H*", $ARGV[0]; ${afterwards[then]}`,
  bytes.toString('hex'),
]

const argvOf = (
  mode: 'run' | 'serve' | 'resume',
  monitor: readonly string[],
  argv: readonly string[],
  call = ['0'],
) => [
  join(programs, 'supervisor.pl'),
  ...[mode, folder, nonce, ...call, '0', String(monitor.length), ...monitor, ...argv],
]
const once = (monitor: readonly string[], argv: readonly string[], input: string | Buffer = '') =>
  spawnSync('perl', argvOf('run', monitor, argv), { input, timeout: 20_000, maxBuffer: 2 ** 26 })

const frame = (type: number, stream: number, payload: Buffer | string = '') => {
  const header = Buffer.alloc(7)
  header.writeUInt8(type)
  header.writeUInt16BE(stream, 1)
  header.writeUInt32BE(payload.length, 3)
  return Buffer.concat([header, Buffer.from(payload)])
}
const hello = frame(16, 0, nonce)
const [OUT, EXIT] = [17, 19]

describe('a command in a guest', () => {
  it('gives both outputs apart, its exit code, and its arguments as they are', () => {
    const odd = ['', ' ', '$HOME', '*', 'a\nb', '--', 'ü']
    const { stdout, stderr, status } = once(agent, [
      'sh',
      '-c',
      'printf "%s|" "$@"; echo err >&2; exit 7',
      'sh',
      ...odd,
    ])
    expect(stdout.toString()).toBe(`${odd.join('|')}|`)
    expect(stderr.toString()).toBe('err\n')
    expect(status).toBe(7)
  })

  it('reports a signal as a shell does, and what cannot run', () => {
    expect(once(agent, ['sh', '-c', 'kill -KILL $$']).status).toBe(137)
    const absent = once(agent, ['/no/such/program'])
    expect(absent.status).toBe(127)
    expect(absent.stderr.toString()).toContain('cannot run /no/such/program')
  })

  it('takes and gives more bytes of every value than any window holds', () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 5_000_000 }, (_, at) => (at * 31 + (at >> 8)) & 255))
    expect(once(agent, ['cat'], bytes).stdout.equals(bytes)).toBe(true)
  })

  it('need not read its input, and may leave something behind that holds its outputs', () => {
    expect(once(agent, ['true'], Buffer.alloc(5_000_000)).status).toBe(0)
    expect(once(agent, ['sh', '-c', 'sleep 20 & echo out']).stdout.toString()).toBe('out\n')
  })
})

describe('a guest that calls', () => {
  /** As a monitor does for a guest that connects to its host: runs `then` with the connection at `$c`. */
  const calling = (then: string) => [
    'perl',
    '-e',
    `require "${programs}/$_.pl" for "frames", "agent"; my $at = pack "S a108", 1, "vsock.sock_1024"; ` +
      `socket my $c, 1, 1, 0; connect $c, $at; ${then}`,
  ]
  const call = ['1', 'vsock.sock_1024']
  const once = (monitor: readonly string[], argv: readonly string[]) =>
    spawnSync('perl', argvOf('run', monitor, argv, call), { timeout: 20_000 })

  it('is served over its connection, and there is no second one', () => {
    const again = 'socket my $d, 1, 1, 0; print STDERR connect($d, $at) ? "two" : "one";'
    const command = ['sh', '-c', 'cat vmm.log; exit 7']
    const { stdout, status } = once(
      calling(`unblock($c); select undef, undef, undef, 0.5; ${again} serve($c, "${nonce}")`),
      command,
    )
    expect(stdout.toString()).toBe('one')
    expect(status).toBe(7)
    expect(existsSync(join(folder, 'vsock.sock_1024'))).toBe(false)
  })

  const root = process.getuid!() === 0
  it.skipIf(!root)(
    `may call from a jail, as another user than root${root ? '' : ' (left out: only root can be another)'}`,
    () => {
      const [user, jail] = [65519, mkdtempSync(join(folder, 'jail-'))]
      chmodSync(folder, 0o755)
      chownSync(jail, user, user)
      const at = join(basename(jail), 'vsock.sock_1024')
      const guest = `$( = $) = ${user}; $< = $> = ${user}; chdir "${basename(jail)}"; socket my $c, 1, 1, 0;
        connect $c, pack "S a108", 1, "vsock.sock_1024" or die "no way: $!"; unblock($c); serve($c, "${nonce}")`
      const monitor = ['perl', '-e', `require "${programs}/$_.pl" for "frames", "agent"; ${guest}`]
      const { stdout, stderr } = spawnSync('perl', argvOf('run', monitor, ['id', '-u'], ['1', at]), {
        timeout: 20_000,
      })
      expect(stderr.toString()).toBe('')
      expect(stdout.toString()).toBe(`${user}\n`)
    },
  )

  it.each([
    ['with another guest’s nonce', calling('unblock($c); serve($c, "other")'), 'another guest answered'],
    ['and ends', calling('exit'), 'ended before it was ready'],
    ['or would have, but ended', ['sh', '-c', 'echo no kernel; exit 0'], 'ended before it was ready; vmm: no kernel'],
  ])('%s', (_, monitor, why) => {
    const { status, stderr } = once(monitor, ['true'])
    expect(status).toBe(125)
    expect(stderr.toString()).toContain(why)
  })
})

it('reports at once that QEMU pauses because KVM cannot continue', () => {
  const paused = ['sh', '-c', 'echo "KVM internal error. Suberror: 1"; seq 40; exec sleep 15']
  const { status, stderr } = once(paused, ['true'])
  expect(status).toBe(125)
  expect(stderr.toString()).toContain('KVM failed to run the guest')
})

it('reports at once that Cloud Hypervisor reboots its guest, with the output of its console', () => {
  const warnings = '0.07s: <vmm> WARN:net_util/src/open_tap.rs:84 -- Tap isob0 already exists.\n'.repeat(4)
  const again = `echo 'Kernel panic - not syncing: VFS: no root'; printf '${warnings}';
    printf '{\n  "source": "vm",\n  "event": "booted"\n}\n\n' >events.log; sleep 0.5;
    printf '{\n  "source": "vm",\n  "event": "rebooting"\n}\n\n' >>events.log; exec sleep 15`
  const { status, stderr } = once(['sh', '-c', again], ['true'])
  expect(status).toBe(125)
  expect(stderr.toString()).toMatch(/the guest reset itself; vmm: Kernel panic - not syncing: VFS: no root$/m)
})

describe('the events of a boot', () => {
  const file = () => join(folder, 'events')
  const booted = (monitor: readonly string[]) =>
    spawnSync('perl', argvOf('run', monitor, ['true']), {
      timeout: 20_000,
      env: { ...process.env, ISOBENCH_BOOT_EVENTS: file() },
    })
  /**
   * Says hello as a guest, and ends its command at once. It stays until HALT: if it ended before RUN arrived, the
   * supervisor would report that the guest is gone.
   */
  const answering = (payload: string) =>
    sending(Buffer.concat([frame(16, 0, payload), frame(EXIT, 1, Buffer.from([0, 0]))]), 'halt')

  it('are written only if somebody asks, with the clock of init', () => {
    expect(booted(['perl', '-e', `our $began = 5_000_000; ${load} serve($c, "${nonce}")`]).status).toBe(0)
    expect(readFileSync(file(), 'utf8')).toMatch(/^vmm \d+\nagent \d+\nguest 5000 \d+\n$/)
    rmSync(file())
    expect(once(agent, ['true']).status).toBe(0)
    expect(existsSync(file())).toBe(false)
  })

  it('lack the clock of a guest that sends none', () => {
    expect(booted(agent).status).toBe(0)
    expect(readFileSync(file(), 'utf8')).toMatch(/^vmm \d+\nagent \d+\n$/)
  })

  it('take two numbers from a guest, and nothing else', () => {
    expect(booted(answering(`${nonce} b1 u2`)).status).toBe(0)
    expect(readFileSync(file(), 'utf8')).toMatch(/^vmm \d+\nagent \d+\nguest 1 2\n$/)
    for (const clock of ['b1', 'b-1 u2', 'b1 u2\nvmm 0', 'b1 u9999999999999999', 'b1 u2 ', 'b1.5 u2'])
      expect(booted(answering(`${nonce} ${clock}`)).stderr.toString()).toContain('another guest answered')
  })
})

describe('a guest at a serial line', () => {
  it('takes and gives more bytes of every value than the line holds', () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 500_000 }, (_, at) => (at * 31 + (at >> 8)) & 255))
    const at = ['perl', '-e', `${load} serve($c, "${nonce}", 300)`]
    expect(once(at, ['cat'], bytes).stdout.equals(bytes)).toBe(true)
    expect(once(at, ['true'], bytes).status).toBe(0)
  })

  it('is sent no more than the line holds while it reads nothing off it', () => {
    // Prints how many bytes have arrived if no more arrive, and ends.
    const counting = `open my $c, "+<&=", 3; syswrite $c, pack "H*", $ARGV[0]; my ($all, $r) = 0;
      while (1) { $r = ""; vec($r, 3, 1) = 1; last if !select $r, undef, undef, 0.3; $all += sysread $c, my $b, 65536 }
      syswrite $c, pack("CnNa*", 17, 1, length $all, $all)`
    const at = ['perl', '-e', counting, frame(16, 0, `${nonce} 300`).toString('hex')]
    const { stdout } = once(at, ['cat'], Buffer.alloc(100_000))
    expect(stdout.toString()).toBe('300')
  })
})

describe('what comes from a guest is not trusted', () => {
  it.each([
    ['another guest’s nonce', frame(16, 0, 'other'), 'another guest answered'],
    ['a line of no length', frame(16, 0, `${nonce} -1`), 'another guest answered'],
    ['an end before it was ready', Buffer.alloc(0), 'ended before it was ready'],
    ['no end of the command', Buffer.concat([hello, frame(OUT, 1, 'out')]), 'the guest is gone'],
    ['a type that there is not', Buffer.concat([hello, frame(99, 1, 'x')]), 'a frame of type 99'],
    ['a type of the host’s', Buffer.concat([hello, frame(1, 1, 'reboot\0')]), 'a frame of type 1'],
    ['a length that never comes', Buffer.concat([hello, Buffer.from('110001ffffffff', 'hex')]), '4294967295 bytes'],
    ['an output of nothing', Buffer.concat([hello, frame(OUT, 1)]), 'with 0 bytes'],
    ['an exit of the wrong size', Buffer.concat([hello, frame(EXIT, 1, 'abc')]), 'with 3 bytes'],
    ['somebody else’s stream', Buffer.concat([hello, frame(OUT, 2, 'x')]), 'a frame of stream 2'],
    ['a second hello', Buffer.concat([hello, hello]), 'a frame of stream 0'],
  ])('%s', (_, bytes, why) => {
    const { status, stderr } = once(sending(bytes, 'end'), ['true'])
    expect(status).toBe(125)
    expect(stderr.toString()).toContain(why)
  })

  it('more output than anybody asked for', () => {
    const flood = `open my $c, "+<&=", 3; syswrite $c, pack "H*", $ARGV[0];
      $f = pack "H*", $ARGV[1]; 1 while syswrite $c, $f`
    const output = frame(OUT, 1, Buffer.alloc(65536))
    // Nobody reads, so nothing more is asked for: the window is what may come.
    const argv = ['perl', '-e', flood, hello.toString('hex'), '110001000100'.concat('00')]
    expect(output.subarray(0, 7).toString('hex')).toBe(argv[4])
    const child = spawnSync('perl', argvOf('run', argv, ['true']), { timeout: 20_000, maxBuffer: 2 ** 28 })
    expect(child.status).toBe(125)
  })
})

describe('a guest that commands are entered into', () => {
  const enter = (...argv: string[]) => [join(programs, 'vm-exec.pl'), folder, ...argv]

  async function opened(use: () => Promise<void>): Promise<void> {
    const conductor = spawn('perl', argvOf('serve', agent, []), { stdio: 'ignore' })
    try {
      expect(spawnSync('perl', enter(), { timeout: 20_000 }).status).toBe(0)
      await use()
    } finally {
      conductor.kill('SIGKILL')
      await new Promise((resolve) => conductor.once('exit', resolve))
    }
  }

  it('runs several at once, each with its own input and outputs', async () => {
    await opened(async () => {
      const slow = spawn('perl', enter('sh', '-c', 'read line; echo "slow $line"'))
      const output: Buffer[] = []
      slow.stdout.on('data', (bytes: Buffer) => output.push(bytes))
      expect(spawnSync('perl', enter('echo', 'quick'), { timeout: 20_000 }).stdout.toString()).toBe('quick\n')
      slow.stdin.end('input\n')
      await new Promise((resolve) => slow.once('close', resolve))
      expect(Buffer.concat(output).toString()).toBe('slow input\n')
    })
  })

  it('need not say hello again if the guest was restored', async () => {
    // The agent of a saved guest has said it to the supervisor before.
    const without = 'no warnings; *main::send_frame = sub { $pending .= Frames::frame(@_) if $_[0] != 16 };'
    const silent = ['perl', '-e', `${load} ${without} serve($c, "${nonce}")`]
    const conductor = spawn('perl', argvOf('resume', silent, []), { stdio: 'ignore' })
    try {
      expect(spawnSync('perl', enter(), { timeout: 20_000 }).status).toBe(0)
      expect(spawnSync('perl', enter('echo', 'restored'), { timeout: 20_000 }).stdout.toString()).toBe('restored\n')
    } finally {
      conductor.kill('SIGKILL')
      await new Promise((resolve) => conductor.once('exit', resolve))
    }
  })

  it('ends a command if its client is gone', async () => {
    await opened(async () => {
      const pidFile = join(folder, 'pid')
      const client = spawn('perl', enter('sh', '-c', 'echo $$ > "$0" && exec sleep 100', pidFile))
      const pid = () => (existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() : '')
      await vi.waitUntil(() => pid() !== '', { timeout: 20_000 })
      client.kill('SIGKILL')
      await vi.waitUntil(() => !existsSync(`/proc/${pid()}`), { timeout: 20_000 })
    })
  })

  it('says that it is gone when it is', () => {
    const { status, stderr } = spawnSync('perl', enter('true'), { timeout: 20_000 })
    expect(status).toBe(125)
    expect(stderr.toString()).toContain('the guest is gone')
  })

  it('says why it has gone, with the last that its kernel said', async () => {
    const log = openSync(join(folder, 'boot.log'), 'a')
    // Once the command runs, which a file shows.
    const panics = `touch running; while test -e running; do sleep 0.05; done;
      echo 'Kernel panic - not syncing: sysrq' >>vmm.log; kill -KILL $PPID`
    const conductor = spawn('perl', argvOf('serve', agent, []), { stdio: ['ignore', log, log] })
    closeSync(log)
    try {
      expect(spawnSync('perl', enter(), { timeout: 20_000 }).status).toBe(0)
      const client = spawn('perl', enter('sh', '-c', panics))
      let said = ''
      client.stderr.on('data', (bytes: Buffer) => {
        said += bytes
      })
      await vi.waitUntil(() => existsSync(join(folder, 'running')), { timeout: 20_000 })
      rmSync(join(folder, 'running'))
      const code = await new Promise((resolve) => client.once('close', resolve))
      expect(said).toBe('isobench: the guest is gone: the guest ended; vmm: Kernel panic - not syncing: sysrq\n')
      expect(code).toBe(125)
    } finally {
      conductor.kill('SIGKILL')
    }
  })
})
