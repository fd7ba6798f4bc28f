import { readFileSync } from 'node:fs'

const release = (): string => readFileSync('/etc/os-release', 'utf8')

/** Whether this host is Debian 12, whose packages are cut another way than those of later releases. */
export const isDebian12 = (): boolean => /^VERSION_ID="12"/m.test(release())

/** Whether it is a Debian, not one of the distributions that come from it. */
export const isDebian = (): boolean => /^ID=debian$/m.test(release())
