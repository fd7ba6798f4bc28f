import { IsobenchError } from '../../errors.ts'

/** A virtual machine monitor did not do as it was told. */
export class VmmError extends IsobenchError {
  readonly code = 'ISOBENCH_VMM'
}
