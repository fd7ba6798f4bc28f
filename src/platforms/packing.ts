import type { HostArgv } from './driver.ts'

// A constant text: the folder and argv come as positional parameters, and nothing of a user's is interpreted.
const pack = `folder=$1 owners=$2; shift 2
tar --xattrs --xattrs-include='*' --numeric-owner --owner-map="$owners" --group-map="$owners" -C "$folder" -c . | "$@"`

/**
 * Argv that gives a folder's files to `argv` as a tar archive at its input, with their capabilities and their owners, or those
 * that a file says in the form of tar's `--owner-map`.
 */
export const pipeTarInto = (folder: string, argv: HostArgv, owners = '/dev/null'): HostArgv => [
  'sh',
  ...['-c', pack, 'sh', folder, owners],
  ...argv,
]
