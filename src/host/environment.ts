/** The environment of everything that isobench starts on the host. */

import { randomInt } from 'node:crypto'

/**
 * The folders of Debian's programs. Guests get them as PATH. They include the folders of root's programs, which are not
 * in the PATH of cron and of some shells.
 */
export const programFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** The environment of every process in a guest, the same on every platform. */
export const guestEnv: readonly string[] = [`PATH=${programFolders.join(':')}`, 'HOME=/root', 'LC_ALL=C']

/**
 * Returns the argv of a host process that runs a command in another root, with the environment of guests. `chroot`
 * alone would pass on the caller's PATH, and its proxies with their passwords.
 * @param root for example the folder that `chrootDir()` of a sandbox returns
 */
export const inChroot = (root: string, argv: readonly string[]): readonly [string, ...string[]] => [
  'env',
  '-i',
  ...guestEnv,
  'chroot',
  root,
  ...argv,
]

/** The folders in which isobench looks for programs: those of the caller's PATH first. */
export const pathFolders = (path = process.env.PATH): string[] =>
  [...new Set([...(path ?? '').split(':'), ...programFolders])].filter((folder) => folder.startsWith('/'))

/** Bytes. As many as hyperfine has, a page. */
const mostPadding = 4096

/**
 * A variable of random length for the environment of one boot. The length of the environment moves the stack of each
 * process that inherits it, which can change its speed (Mytkowicz et al., "Producing Wrong Data Without Doing Anything
 * Obviously Wrong!", ASPLOS 2009). With one length, every sample would have the same bias. hyperfine does the same
 * (randomized_environment_offset.rs).
 */
export const environmentPadding = (): Record<string, string> => ({
  ISOBENCH_PADDING: 'x'.repeat(randomInt(mostPadding)),
})

/** What host commands get of the caller's environment: only what reaches a mirror. */
const passed = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']

/**
 * The environment of every host command, engine and tool: PATH, HOME, LC_ALL and the proxies. Other variables of the
 * caller would change what engines do, and differ from one caller to the next.
 */
export function hostEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const proxies = passed.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]))
  return { PATH: pathFolders(env.PATH).join(':'), HOME: '/root', LC_ALL: 'C', ...Object.fromEntries(proxies) }
}
