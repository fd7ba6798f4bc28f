import type { Guest } from 'isobench'

/**
 * Where everyday work writes: `data` is the guest's directory on the host's disk, and `tmpfs` its memory. The root is
 * read-only in every guest. Programs, headers and archives are read from it in both cases.
 */
export const places = ['data', 'tmpfs'] as const

/** A folder at a place, for one bench. */
export const folderAt = (place: (typeof places)[number], guest: Pick<Guest, 'data'>, name: string): string =>
  `${place === 'data' ? guest.data : '/tmp'}/${name}`
