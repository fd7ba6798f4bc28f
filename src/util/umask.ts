/** The umask of guests and of everything that isobench starts on the host, and that of the user. */

/** The umask of the user while another one is in effect. */
let usersUmask: number | undefined

/**
 * Sets the usual umask until it is disposed. With the caller's umask, files of the caches and of guests could be
 * writable for all or unreadable for users in guests, and commands in guests would differ between callers.
 */
export function useUsualUmask(): Disposable {
  const before = process.umask(0o022)
  const isOutermost = usersUmask === undefined
  usersUmask ??= before
  return {
    [Symbol.dispose]: () => {
      process.umask(before)
      if (isOutermost) usersUmask = undefined
    },
  }
}

/** Runs synchronous work, such as starting a process, with the usual umask. */
export function withUsualUmask<T>(work: () => T): T {
  using _umask = useUsualUmask()
  return work()
}

/** Runs synchronous work that creates files for the user, such as a run record, with the umask of the user. */
export function withUsersUmask<T>(work: () => T): T {
  if (usersUmask === undefined) return work()
  const before = process.umask(usersUmask)
  try {
    return work()
  } finally {
    process.umask(before)
  }
}
