import type { HostArgv, Requirement } from '../../platforms/driver.ts'
import { isDebian12 } from '../debian.ts'
import { which } from '../requirements.ts'

/** Debian 12 has the one in C, with QEMU; since then there is the one in Rust, in a package of its own. */
export const virtiofsdRequirement = (): Requirement => ({
  binary: 'virtiofsd',
  package: isDebian12() ? 'qemu-system-common' : 'virtiofsd',
})

/** Argv of a server of `folder` for one virtio-fs device, which listens at descriptor 4. */
export function virtiofsd(folder: string): HostArgv {
  const program = which('virtiofsd') ?? 'virtiofsd'
  // Hosts without CAP_SYS_RESOURCE refuse the million open files that both want: 0 leaves the limit as it is.
  const common = ['--fd=4', '--rlimit-nofile=0']
  return program === '/usr/lib/qemu/virtiofsd'
    ? [program, ...common, '-o', `source=${folder}`, '-o', 'sandbox=chroot', '-o', 'cache=auto']
    : [program, ...common, `--shared-dir=${folder}`, '--sandbox=chroot', '--cache=auto', '--allow-direct-io']
}
