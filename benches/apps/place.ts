import type { Guest } from 'isobench'

/**
 * Where everyday work writes: `data` is the guest's directory on the host's disk, and `tmpfs` its memory. The root is
 * read-only in every guest. Programs, headers and archives are read from it in both cases.
 */
export const places = ['data', 'tmpfs'] as const

type Place = (typeof places)[number]

/** The writable folder of a place. */
export const rootAt = (place: Place, guest: Pick<Guest, 'data'>): string => (place === 'data' ? guest.data : '/tmp')

/** A folder at a place, for one bench. */
export const folderAt = (place: Place, guest: Pick<Guest, 'data'>, name: string): string =>
  `${rootAt(place, guest)}/${name}`
