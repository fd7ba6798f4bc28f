import { type Command, command } from './command.ts'
import { onlyMatch, refuseErrorLine } from './parse.ts'
import { seedsFolder } from './seeds.ts'

/**
 * pip: installs packages from a file with their hashes, as `npm ci` does from a lock file. Debian package `python3-pip`
 * (25.1). Debian's npm consists of 340 packages, which would make the image 150 MB larger.
 * Format: `Successfully installed json-1.0 ...` (pip/_internal/commands/install.py).
 */

const TOOL = 'pip'

/** Each would use the network, or warn about the user. */
const quietly = ['--no-cache-dir', '--disable-pip-version-check', '--root-user-action=ignore', '--no-input']

/** The command that installs the packages in the image, and the parser of its output. */
export const pip = {
  /** The folder of the packages, one wheel each. */
  wheels: `${seedsFolder}/wheels`,

  /**
   * Verifies the SHA-256 of each wheel, unpacks it below a folder, and compiles its modules. Uses no network.
   *
   * Replaces packages that the folder has. Without `--upgrade`, pip would skip them with a warning, exit with 0, and
   * report them as installed (`_handle_target_dir` in commands/install.py).
   */
  install: (folder: string): Command =>
    command(
      'pip',
      ...['install', ...quietly, '--upgrade', '--no-index', `--find-links=${seedsFolder}/wheels`],
      ...['--require-hashes', `--requirement=${seedsFolder}/requirements.txt`, `--target=${folder}`],
    ),

  /**
   * How many packages pip installed. Use it only after pip exited with 0, which `guest.exec` checks. With `--target`,
   * pip copies the packages to the folder after it prints that it installed them. If that fails, for example because
   * the disk is full, only the exit code and stderr show it.
   * @throws {ToolOutputError} unless pip reports exactly one installation, and neither an error nor a skipped package
   */
  parse(stdout: string): { packages: number } {
    refuseErrorLine(TOOL, stdout, /^ *(?:error: |Failed to build |WARNING: Target directory .* already exists)/im)
    const line = /^Successfully installed((?: \S+-\d\S*)+)\n/gm
    const [, installed] = onlyMatch(TOOL, stdout, line, 'line with "Successfully installed"')
    return { packages: installed!.trim().split(' ').length }
  },
}
