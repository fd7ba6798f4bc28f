import type { HostArgv } from './driver.ts'

// A constant text: the folder and argv come as positional parameters, and nothing of a user's is interpreted.
const pack = 'folder=$1; shift; tar --xattrs --xattrs-include="*" --numeric-owner -C "$folder" -c . | "$@"'

/** Argv that gives a folder's files to `argv` as a tar archive at its input, with their owners and capabilities. */
export const packing = (folder: string, argv: HostArgv): HostArgv => ['sh', '-c', pack, 'sh', folder, ...argv]
