/**
 * Milliseconds of the phases of a boot, by the host's monotonic clock. `null`: the platform has no such phase, or does
 * not let isobench observe it.
 */
export interface BootPhases {
  /** The command that creates the guest, such as `runc create`. */
  readonly create: number | null
  /** The command that starts the created guest, such as `runc start`. */
  readonly start: number | null
  /** From the start of the platform's process to that of the VMM. */
  readonly vmm: number | null
  /** From the start of the VMM to the start of the guest kernel's clock, early in `start_kernel`. */
  readonly kernel: number | null
  /** From the guest kernel to its first process. */
  readonly init: number | null
  /** From the first process of a VM's guest to the first output of the command. */
  readonly firstCommand: number | null
  /**
   * Of a platform without guest kernel: from the command that starts the guest to the guest's first output. A static
   * program that prints at once is a few hundred instructions past its first one.
   */
  readonly firstInstruction: number | null
  /** From the first output to the end of the guest, or of its output if the platform removes it in `remove`. */
  readonly exit: number | null
  /** The command that removes the ended guest, such as `runc delete`. */
  readonly remove: number | null
}
