/** A boot of the image's own systemd that runs one command when it is up, as a system container's user would. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostError } from '../errors.ts'
import type { GuestArgv, GuestSandbox, HostArgv } from './driver.ts'
import { guestEnv } from './guest-env.ts'

/** What the container's first process is. It takes what follows its name for the kernel's command line. */
export const systemdInit: HostArgv = ['/sbin/init', 'systemd.unit=isobench.target']

/** Where the two folders of the place are in the guest. */
const units = '/run/systemd/system'
const outcome = '/run/isobench'

/** Units of Debian's that cannot work in a container, and would count as failed. */
const masked = ['sys-kernel-debug.mount']

/** An argument of ExecStart=, as systemd.syntax(7) and systemd.service(5) have it: `%` would be a specifier. */
export const quotedArgument = (argument: string): string => {
  const escaped = argument.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a unit is made of lines, and these would end one or be refused
  const control = /[\u0000-\u001f\u007f]/g
  return `"${escaped.replace(control, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`
}

// A constant text: the command comes as positional parameters. The file `code` is the end marker: what a container's
// launcher returns says nothing of the command.
const inGuest = `"$@" > ${outcome}/stdout 2> ${outcome}/stderr < /dev/null; echo $? > ${outcome}/code`

function unitOf(argv: GuestArgv, then: 'stay' | 'poweroff'): string {
  const command = ['/bin/sh', '-c', inGuest, 'sh', '/usr/bin/env', '-i', ...guestEnv, ...argv]
  return [
    '[Unit]',
    'After=multi-user.target',
    ...(then === 'poweroff' ? ['SuccessAction=poweroff', 'FailureAction=poweroff'] : []),
    '[Service]',
    'Type=oneshot',
    'TimeoutStartSec=infinity',
    'WorkingDirectory=/',
    // The colon: no variable is put in.
    `ExecStart=:${command.map(quotedArgument).join(' ')}`,
    '',
  ].join('\n')
}

const target = '[Unit]\nRequires=multi-user.target\nAfter=multi-user.target\nWants=isobench.service\n'

/** A folder of the place, and where the guest has to find it. Root in the guest must own it. */
export interface SystemdFolder {
  readonly from: string
  readonly to: string
}

const unitsOf = (place: GuestSandbox) => join(place.stateDir, 'units')
const outcomeOf = (place: GuestSandbox) => join(place.stateDir, 'outcome')

/** Writes what makes the image's systemd run `argv` once it is up, and then stay or power off. */
export function prepareSystemd(
  place: GuestSandbox,
  argv: GuestArgv,
  then: 'stay' | 'poweroff',
): readonly SystemdFolder[] {
  for (const folder of [unitsOf(place), outcomeOf(place)]) mkdirSync(folder)
  writeFileSync(join(unitsOf(place), 'isobench.target'), target)
  for (const name of masked) symlinkSync('/dev/null', join(unitsOf(place), name))
  writeFileSync(join(unitsOf(place), 'isobench.service'), unitOf(argv, then))
  return [
    { from: unitsOf(place), to: units },
    { from: outcomeOf(place), to: outcome },
  ]
}

/** Seconds that a guest which stays may take to be up. */
const bootTimeout = 60

/**
 * Waits until a guest that stays has run its command: then it is up.
 * @throws MachineError when its launcher, the process `pid`, ends before, or after a minute.
 */
export async function waitForSystemd(place: GuestSandbox, pid: number): Promise<void> {
  const marker = join(outcomeOf(place), 'code')
  for (let tries = 0; !existsSync(marker) || readFileSync(marker, 'utf8') === ''; tries++) {
    if (!existsSync(`/proc/${pid}`)) throw new HostError("the guest's systemd ended before it was up")
    if (tries > bootTimeout * 100) throw new HostError(`the guest's systemd was not up within ${bootTimeout} s`)
    await sleep(10)
  }
}

// A constant text: folder and argv come as positional parameters. Opening a pipe both ways never waits, and gives its
// reader the end of the file when no guest has ever opened it.
const relay = `out=$1; shift
mkfifo "$out/stdout" "$out/stderr" || exit
cat "$out/stdout" & cat "$out/stderr" >&2 &
"$@" < /dev/null
: <> "$out/stdout"; : <> "$out/stderr"
wait
read -r code < "$out/code" || { echo "the guest's systemd ended before it had run the command" >&2; exit 125; }
exit "$code"`

/** Wraps the launcher's argv: passes on the command's output while it comes, and its exit code when the guest is gone. */
export const withOutcome = (place: GuestSandbox, argv: HostArgv): HostArgv => [
  'sh',
  '-c',
  relay,
  'sh',
  outcomeOf(place),
  ...argv,
]
