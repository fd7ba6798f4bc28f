import { existsSync, readFileSync } from 'node:fs'

const file = '/etc/os-release'

/** A host without the file is no Debian that is known here. */
const release = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')

/** Whether this host is Debian 12, whose packages are cut another way than those of later releases. */
export const isDebian12 = (): boolean => /^VERSION_ID="12"/m.test(release())

/** Whether it is a Debian, not one of the distributions that come from it. */
export const isDebian = (): boolean => /^ID=debian$/m.test(release())
