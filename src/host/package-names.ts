/**
 * The packages of the programs that isobench needs, per distribution: the only table of package names. Drivers name a
 * package as Debian 13 does.
 *
 * Sources, read in November 2026: apt's lists of bookworm and trixie; for Ubuntu, the pages
 * packages.ubuntu.com/<codename>/<package>, and the software list of GitHub's runner image for 24.04
 * (actions/runner-images, images/ubuntu/Ubuntu2404-Readme.md). A version that no source states is `''`. `unverified`
 * marks a name that no source states.
 */

import { type DistributionId, distributions } from './distribution.ts'

/** A package in one distribution. */
export interface DistributionPackage {
  readonly name: string
  /** The upstream version that was seen there. Empty: none was seen. */
  readonly version: string
  /** Whether Ubuntu has it in the component universe, which some hosts do not enable. */
  readonly universe: boolean
}

/** The upstream version, a different name with the version, or `null` if the distribution has no such package. */
type Cell = string | { readonly name: string; readonly version: string } | null

/** What Ubuntu has in universe. The rest is in main. */
const universe = new Set(
  'cgroup-tools crun debian-archive-keyring docker.io lxc mmdebstrap podman runsc systemd-container virtiofsd'.split(
    ' ',
  ),
)

/** A row per package, a column per distribution in the order of `distributions`. */
const table: Readonly<Record<string, readonly [Cell, Cell, Cell, Cell, Cell]>> = {
  bubblewrap: ['0.8.0', '0.12.0', '', '', ''],
  'busybox-static': ['1.35.0', '1.37.0', '1.30.1', '1.36.1', '1.37.0'],
  'cgroup-tools': ['2.0.2', '3.1.0', '2.0', '2.0.2', '3.1.0'],
  containerd: ['1.6.20', '1.7.24', '', '', ''],
  coreutils: ['9.1', '9.7', '', '9.4', ''],
  crun: ['1.8.1', '1.21', '', '', '1.21'],
  // Ubuntu 22.04 has the keys up to Debian 11, Ubuntu 24.04 those up to Debian 12: see `keyring.ts`.
  'debian-archive-keyring': ['2023.3', '2025.1', '2021.1.1', '2023.4', ''],
  // Debian 13 split the client off. Ubuntu's docker.io contains it; unverified for 26.04.
  'docker-cli': [
    { name: 'docker.io', version: '20.10.24' },
    '26.1.5',
    { name: 'docker.io', version: '' },
    { name: 'docker.io', version: '' },
    { name: 'docker.io', version: '' },
  ],
  'docker.io': ['20.10.24', '26.1.5', '', '', ''],
  dpkg: ['1.21.23', '1.22.22', '', '1.22.6', ''],
  e2fsprogs: ['1.47.0', '1.47.2', '', '', ''],
  iproute2: ['6.1.0', '6.15.0', '', '6.1.0', ''],
  // Unverified but for Debian 12: no other list was read. Ubuntu has a snap.
  'kubernetes-client': ['1.20.2', '', null, null, null],
  lxc: ['5.0.2', '6.0.4', '5.0.0', '5.0.3', ''],
  lz4: ['1.9.4', '1.10.0', '', '1.9.4', ''],
  mmdebstrap: ['1.3.5', '1.5.7', '', '', '1.5.7'],
  mount: ['2.38.1', '2.41.5', '', '', ''],
  'perl-base': ['5.36.0', '5.40.1', '', '5.38.2', ''],
  podman: ['4.3.1', '5.4.2', '', '4.9.3', ''],
  'qemu-system-x86': ['7.2', '10.0.13', '', '8.2.2', '10.2.1'],
  runc: ['1.1.5', '1.1.15', '', '', ''],
  // In Ubuntu since 25.10.
  runsc: ['20240729.0', '20240729.0', null, null, '20240729.0'],
  'systemd-container': ['252', '257', '', '', ''],
  uidmap: ['4.13', '4.17.4', '', '', ''],
  // packages.ubuntu.com has user-mode-linux-doc, and no page of the kernel. That Ubuntu has none is unverified.
  'user-mode-linux': ['6.1', '6.12', null, null, null],
  'util-linux': ['2.38.1', '2.41.5', '', '', ''],
  // Debian 12 and Ubuntu 22.04 have the implementation in C, as a part of QEMU. Unverified for 22.04: no page of
  // virtiofsd exists there, and the list of files of qemu-system-common was not seen.
  virtiofsd: [
    { name: 'qemu-system-common', version: '7.2' },
    '1.13.2',
    { name: 'qemu-system-common', version: '' },
    '1.10.0',
    '1.13.2',
  ],
  'xz-utils': ['5.4.1', '5.8.1', '', '5.4.5', ''],
  zstd: ['1.5.4', '1.5.7', '', '', ''],
}

/** Names of the rows, as Debian 13 has them. */
export const knownPackages: readonly string[] = Object.keys(table)

/**
 * Returns a package of Debian 13 in another distribution, or `undefined` if that has none. A package without a row has
 * the same name everywhere.
 */
export function packageIn(distribution: DistributionId, debianName: string): DistributionPackage | undefined {
  const row = table[debianName]
  if (row === undefined) return { name: debianName, version: '', universe: false }
  const cell = row[distributions.findIndex(({ id }) => id === distribution)]
  if (cell === null || cell === undefined) return undefined
  const { name, version } = typeof cell === 'string' ? { name: debianName, version: cell } : cell
  return { name, version, universe: distribution.startsWith('ubuntu') && universe.has(name) }
}
